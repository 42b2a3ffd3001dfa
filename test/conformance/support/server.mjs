import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { kill, start } from "./process.mjs";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
export const protoFolder = path.join(root, "proto");

const startTimeoutMs = 20_000;
const stopTimeoutMs = 5_000;
const announcement = /listening on ([\d.:[\]a-z]+):(\d+)/i;

/**
 * Starts the built server on a port that the system chooses.
 *
 * @param {string} script the server's entry, such as dist/server.js
 * @returns `{ host, port, address, ca, isRunning(), log(), stop() }`: `address` is host:port for plaintext and TLS
 *   alike, `ca` the file of the development authority, `log()` what the server printed so far
 */
export async function startServer(script) {
  const args = [script, "--listen", "127.0.0.1:0", "--log-format", "json"];
  const child = start(process.execPath, args, { cwd: root });
  let log = "";
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    const fail = (reason) => {
      kill(child);
      reject(new Error(`the server did not start: ${reason}\n${log}`));
    };
    const timer = setTimeout(() => fail(`nothing printed within ${startTimeoutMs} ms`), startTimeoutMs);
    const read = (text) => {
      log += text;
      const match = announcement.exec(log);
      if (!match) return;
      clearTimeout(timer);
      resolve(Number(match[2]));
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    exited.then((code) => {
      clearTimeout(timer);
      fail(`it exited with ${code}`);
    });
  });
  return {
    host: "127.0.0.1",
    port,
    address: `127.0.0.1:${port}`,
    ca: developmentCa(),
    isRunning: () => child.exitCode === null && child.signalCode === null,
    log: () => log,
    async stop() {
      const timer = setTimeout(() => kill(child), stopTimeoutMs);
      child.kill("SIGTERM");
      await exited;
      clearTimeout(timer);
    },
  };
}

function developmentCa() {
  const file = path.join(root, ".yodel/dev-ca.pem");
  if (!existsSync(file)) throw new Error(`the server made no development certificate at ${file}`);
  return file;
}
