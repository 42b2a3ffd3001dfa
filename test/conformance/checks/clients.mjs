import { expect, expectSuccess, runCases } from "../support/cases.mjs";
import { MissingTool, run as runTool } from "../support/process.mjs";
import { root } from "../support/server.mjs";

export const name = "gRPC clients in seven languages";

const languages = ["node", "python", "go", "java", "rust", "cpp", "ruby"];

// The first run of a client installs and builds it.
const timeoutMs = 600_000;

export function run(server) {
  const transports = {
    plaintext: ["--address", server.address],
    TLS: ["--address", `localhost:${server.port}`, "--ca", server.ca],
  };
  const cases = {};
  for (const language of languages) {
    for (const [transport, options] of Object.entries(transports)) {
      cases[`${language}, ${transport}`] = () => runClient(language, options);
    }
  }
  return runCases(cases);
}

async function runClient(language, options) {
  const result = await runTool("bash", ["clients/run", language, ...options], { cwd: root, timeoutMs });
  if (result.output.includes("skipped: ")) throw new MissingTool(`the toolchain of clients/${language}`);
  expectSuccess(result);
  expect(!result.output.includes("FAILED"), result.output);
}
