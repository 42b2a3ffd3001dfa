// gRPC's own interop cases, asked by the client of grpc-go: all those that need no cloud's credentials. Those on
// compression, which it lacks, are asked by a client of our own.
import path from "node:path";
import { compressionCases } from "../../interop/compression-client.mjs";
import { expectSuccess, runCases } from "../support/cases.mjs";
import { kill, run as runTool, start } from "../support/process.mjs";
import { root } from "../support/server.mjs";

export const name = "gRPC's interop cases";

const caseNames = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "status_code_and_message",
  "special_status_message",
  "custom_metadata",
  "unimplemented_method",
  "unimplemented_service",
  "orca_per_rpc",
  "orca_oob",
  "rpc_soak",
  "channel_soak",
];

/** Chooses the client's balancer that hears the server's load reports; the other cases do not mind it. */
const serviceConfig = '{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}';

const soakArgs = [
  "--soak_iterations=200",
  "--soak_num_threads=4",
  "--soak_max_failures=0",
  "--soak_overall_timeout_seconds=60",
];

const tlsArgs = [
  "--use_tls",
  "--use_test_ca",
  "--ca_file=test/interop/tls/ca.pem",
  "--server_host_override=foo.test.google.fr",
];

const startTimeoutMs = 20_000;
const caseTimeoutMs = 70_000;

export async function run() {
  const plaintext = await runAll("plaintext", [], [], compressionCases);
  const tls = await runAll("TLS", ["--tls"], tlsArgs, () => ({}));
  return {
    passed: plaintext.passed + tls.passed,
    failed: plaintext.failed + tls.failed,
    skipped: plaintext.skipped + tls.skipped,
    details: [...plaintext.details, ...tls.details],
  };
}

async function runAll(transport, serverArgs, clientArgs, moreCases) {
  const server = await startInteropServer(serverArgs);
  const cases = moreCases(server.port);
  for (const caseName of caseNames) {
    cases[`${caseName}, ${transport}`] = () => runCase(caseName, server, clientArgs);
  }
  try {
    const result = await runCases(cases);
    if (!server.isRunning()) {
      result.failed += 1;
      result.details.push({ outcome: "failed", name: `the ${transport} server ended`, reason: server.log() });
    }
    return result;
  } finally {
    server.stop();
  }
}

async function runCase(caseName, { port }, clientArgs) {
  const args = ["--server_host=127.0.0.1", `--server_port=${port}`, `--test_case=${caseName}`];
  const options = { cwd: root, timeoutMs: caseTimeoutMs };
  const settings = [`--service_config_json=${serviceConfig}`, ...soakArgs, ...clientArgs];
  expectSuccess(await runTool("grpc-interop-client", [...args, ...settings], options));
}

async function startInteropServer(serverArgs) {
  const script = path.join("test", "interop", "server.ts");
  const args = ["--import", "tsx", script, "--listen", "127.0.0.1:0", ...serverArgs];
  const child = start(process.execPath, args, { cwd: root });
  let log = "";
  const port = await new Promise((resolve, reject) => {
    const fail = (reason) => {
      kill(child);
      reject(new Error(`the interop server did not start: ${reason}\n${log}`));
    };
    const timer = setTimeout(() => fail(`no address within ${startTimeoutMs} ms`), startTimeoutMs);
    const read = (text) => {
      log += text;
      const match = /^127\.0\.0\.1:(\d+)$/m.exec(log);
      if (match === null) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`it exited with ${code}`);
    });
  });
  return {
    port,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    log: () => log,
    stop: () => kill(child),
  };
}
