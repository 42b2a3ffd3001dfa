import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { run as runTool } from "../support/process.mjs";

export const name = "h2spec, strict (RFC 9113 and RFC 7541)";

/** All that h2spec 2.2.1 has in strict mode; fewer would mean that it stopped half-way. */
const caseCount = 146;
const timeoutMs = 400_000;

export async function run(server) {
  const plaintext = await runH2spec("plaintext", server, []);
  const tls = await runH2spec("TLS", server, ["--tls", "--insecure"]);
  return {
    passed: plaintext.passed + tls.passed,
    failed: plaintext.failed + tls.failed,
    skipped: plaintext.skipped + tls.skipped,
    details: [...plaintext.details, ...tls.details],
  };
}

async function runH2spec(transport, server, extraArgs) {
  const folder = mkdtempSync(path.join(tmpdir(), "h2spec-"));
  try {
    const report = path.join(folder, "report.xml");
    const args = ["--strict", "-h", server.host, "-p", String(server.port), "-j", report, ...extraArgs];
    const { output, errors } = await runTool("h2spec", args, { timeoutMs });
    return summarise(transport, readReport(report), output + errors);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readReport(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // h2spec writes it at its end only.
  }
}

function summarise(transport, xml, output) {
  const result = { passed: 0, failed: 0, skipped: 0, details: [] };
  for (const [, attributes, body = ""] of xml.matchAll(/<testcase\s([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    const outcome = outcomeOf(body);
    result[outcome] += 1;
    if (outcome === "passed") continue;
    const title = `${transport}: ${attribute(attributes, "package")} ${attribute(attributes, "classname")}`;
    result.details.push({ outcome, name: title, reason: reasonOf(body) });
  }
  const seen = result.passed + result.failed + result.skipped;
  if (seen !== caseCount) {
    result.failed += Math.max(1, caseCount - seen);
    const reason = `${seen} of ${caseCount} cases were run; h2spec's last words: ${output.slice(-500)}`;
    result.details.push({ outcome: "failed", name: transport, reason });
  }
  return result;
}

/** h2spec skips a case that the server gave no chance to run; such a case has proven nothing, so it counts as failed. */
function outcomeOf(body) {
  return /<(failure|error|skipped)/.test(body) ? "failed" : "passed";
}

function reasonOf(body) {
  const text = unescapeXml(body.replaceAll(/<[^>]*>/g, " ")).trim();
  return body.includes("<skipped") ? `skipped by h2spec ${text}` : text;
}

function attribute(attributes, wanted) {
  return unescapeXml(new RegExp(`${wanted}="([^"]*)"`).exec(attributes)?.[1] ?? "");
}

function unescapeXml(text) {
  const characters = {
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
    amp: "&",
    "#34": '"',
    "#39": "'",
    "#xA": "\n",
  };
  return text.replaceAll(/&(lt|gt|quot|apos|amp|#34|#39|#xA);/g, (_, entity) => characters[entity]);
}
