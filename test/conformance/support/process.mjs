import { spawn } from "node:child_process";
import { findTool } from "../../support/find-tool.mjs";

const children = new Set();

/** Thrown when a tool that a check needs is not installed; the runner counts the check as skipped. */
export class MissingTool extends Error {
  constructor(tool) {
    super(`${tool} is not installed; node scripts/install-tools.mjs installs it`);
    this.name = "MissingTool";
  }
}

/**
 * Starts a program that never outlives this process.
 *
 * @param {string} tool a name to look up in .tools/bin and on PATH, or a path
 */
export function start(tool, args, options = {}) {
  const executable = tool.includes("/") ? tool : findTool(tool);
  if (!executable) throw new MissingTool(tool);
  // A group of its own, so that what the tool itself started (a browser's processes) ends with it.
  const child = spawn(executable, args, { detached: true, stdio: ["ignore", "pipe", "pipe"], ...options });
  children.add(child);
  child.once("close", () => children.delete(child));
  return child;
}

/**
 * Runs a program to its end and resolves with `{ code, output, errors, timedOut }`; never rejects because of what the
 * program did, only with MissingTool.
 */
export async function run(tool, args, { timeoutMs = 30_000, ...options } = {}) {
  const child = start(tool, args, options);
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    kill(child);
  }, timeoutMs);
  const code = await new Promise((resolve) => {
    child.once("error", (error) => {
      errors += error.message;
      resolve(-1);
    });
    child.once("close", resolve);
  });
  clearTimeout(timer);
  return { code, output, errors, timedOut };
}

export function kill(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended between the question and the signal.
  }
}

process.once("exit", () => {
  for (const child of children) kill(child);
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => process.exit(1));
}
