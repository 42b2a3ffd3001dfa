// connectrpc's conformance suite, the gRPC half: its own client and that of grpc-go call test/conformance/server, in
// plaintext, over TLS and with client certificates.
import { run as runTool } from "../support/process.mjs";
import { root } from "../support/server.mjs";

export const name = "connectrpc's conformance suite, gRPC";

/** All that version 1.0.5 has for test/conformance/grpc.yaml; fewer would mean that some were never asked. */
const caseCount = 566;
const timeoutMs = 300_000;

const args = [
  "--mode=server",
  "--conf=test/conformance/grpc.yaml",
  // None is known to fail, and none to be flaky.
  "--",
  "test/conformance/server",
];

export async function run() {
  const { code, output, errors, timedOut } = await runTool("connectconformance", args, {
    cwd: root,
    timeoutMs,
  });
  const result = {
    passed: countIn(output, /^(\d+) passed, \d+ failed$/m),
    failed: 0,
    skipped: 0,
    details: [],
  };
  for (const [, name, reason] of output.matchAll(/^FAILED: (.*?):?$((?:\n(?:[\t ].*)?)*)/gm)) {
    result.failed += 1;
    result.details.push({ outcome: "failed", name, reason });
  }
  const total = countIn(output, /^Total cases: (\d+)$/m);
  const isComplete = code === 0 && total === caseCount && result.passed === caseCount;
  if (isComplete || (result.failed > 0 && result.passed + result.failed === caseCount)) return result;
  // The runner ended early, or left cases out: those have proven nothing.
  result.failed = Math.max(1, result.failed, caseCount - result.passed);
  const end = timedOut ? "timed out" : `exited with ${code}`;
  const lastWords = (output + errors).slice(-1000);
  const reason = `${result.passed} of ${caseCount} cases passed and the runner ${end}; its last words: ${lastWords}`;
  result.details.push({ outcome: "failed", name: "the run as a whole", reason });
  return result;
}

function countIn(output, pattern) {
  return Number(pattern.exec(output)?.[1] ?? 0);
}
