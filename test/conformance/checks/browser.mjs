import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expectIncludes, expectSuccess, runCases } from "../support/cases.mjs";
import { run as runTool } from "../support/process.mjs";

export const name = "Chromium";

const flags = [
  "--headless",
  "--no-sandbox", // Chromium refuses to run as root with its sandbox on, and containers run as root.
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--ignore-certificate-errors",
  "--dump-dom",
];

export function run(server) {
  return runCases({
    "the page over TLS": () => expectGreeting(`https://localhost:${server.port}/`),
    "the page in plaintext": () => expectGreeting(`http://localhost:${server.port}/`),
  });
}

async function expectGreeting(url) {
  const profile = mkdtempSync(path.join(tmpdir(), "chromium-"));
  try {
    const result = await runTool("chromium", [...flags, `--user-data-dir=${profile}`, url], {
      timeoutMs: 60_000,
    });
    expectSuccess(result);
    expectIncludes(result.output, "Hello, world!");
  } finally {
    // Its processes may write into the profile for a moment after it ended.
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
