// Starts the built server and lets outside judges test it: h2spec, foreign gRPC clients, grpcurl, curl, nghttp, a browser.
//
//   node test/conformance/run.mjs [CHECK...] [--server SCRIPT]
//
// CHECK is the file name of a check without its ending, such as h2spec; all run without any. A missing tool skips its
// checks, and fails them when CI=true. The counts go to .tools/counts/conformance.json.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { MissingTool } from "./support/process.mjs";
import { root, startServer } from "./support/server.mjs";

const checksFolder = new URL("checks/", import.meta.url);
const inCi = process.env.CI === "true";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { server: { type: "string", default: path.join(root, "dist/server.js") } },
});

async function main() {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const check of await loadChecks()) {
    const result = await runCheck(check);
    print(check.name, result);
    for (const outcome of Object.keys(total)) total[outcome] += result[outcome];
  }
  if (inCi) {
    total.failed += total.skipped;
    total.skipped = 0;
  }
  writeCounts(total);
  console.log(
    `conformance: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped${inCi ? " (in CI a skip is a failure)" : ""}`,
  );
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

async function loadChecks() {
  const files = readdirSync(checksFolder)
    .filter((file) => file.endsWith(".mjs"))
    .sort();
  const unknown = positionals.filter((name) => !files.includes(`${name}.mjs`));
  if (unknown.length > 0)
    throw new Error(`no such check: ${unknown.join(", ")}; there are ${files.join(", ")}`);
  const wanted = files.filter(
    (file) => positionals.length === 0 || positionals.includes(path.parse(file).name),
  );
  return Promise.all(wanted.map((file) => import(new URL(file, checksFolder))));
}

/** Each check gets a server of its own, so that one which ends it does not hide what the others find. */
async function runCheck(check) {
  let server;
  try {
    server = await startServer(path.resolve(values.server));
    const result = await check.run(server);
    if (!server.isRunning()) return withFailure(result, "the server ended during this check", server.log());
    return result;
  } catch (error) {
    return failureOf(error);
  } finally {
    await server?.stop();
  }
}

function failureOf(error) {
  const outcome = error instanceof MissingTool ? "skipped" : "failed";
  const result = {
    passed: 0,
    failed: 0,
    skipped: 0,
    details: [{ outcome, name: "-", reason: error.message }],
  };
  result[outcome] = 1;
  return result;
}

function withFailure(result, name, log) {
  const reason = log.slice(-2000);
  return {
    ...result,
    failed: result.failed + 1,
    details: [...result.details, { outcome: "failed", name, reason }],
  };
}

function print(name, { passed, failed, skipped, details }) {
  console.log(`${name.padEnd(46)} ${passed} passed, ${failed} failed, ${skipped} skipped`);
  for (const { outcome, name: caseName, reason } of details) {
    console.log(`  ${outcome.toUpperCase().padEnd(8)}${caseName}: ${indent(reason)}`);
  }
}

/** Tools also print the bytes of messages: a terminal and grep are spared those that are no text. */
function indent(text) {
  return text
    .trim()
    .replaceAll(/[^\P{Cc}\n\t]/gu, "\u00b7")
    .replaceAll("\n", "\n            ");
}

function writeCounts(counts) {
  const folder = path.join(root, ".tools/counts");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "conformance.json"), `${JSON.stringify(counts)}\n`);
}

await main();
