import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { findTool } from "../test/support/find-tool.mjs";
import { cpuMicrosecondsOf, pinned } from "./machine.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = path.join(here, "..");
const startTimeoutMs = 20_000;
const retryMs = 50;
const announcement = /listening on [\d.:[\]a-z]+:(\d+)/i;

const unary = { kind: "grpc", path: "/helloworld.Greeter/SayHello" };

/** What is compared. `command(port)` is the program; one that prints the port it got from the system ignores it. */
const servers = {
  yodel: {
    ...unary,
    // Its announcement is a line of the log, which is off here as it is for the others.
    announcesPort: false,
    command: (port) => [
      process.execPath,
      path.join(root, "dist/server.js"),
      "--listen",
      `127.0.0.1:${port}`,
      "--plaintext",
      "--log-level",
      "warn",
    ],
  },
  compat: { ...unary, command: () => [process.execPath, path.join(here, "servers/grpc-js.mjs"), "compat"] },
  "grpc-js": { ...unary, command: () => onNode("grpc-js.mjs") },
  "node-http2": { ...unary, command: () => onNode("node-http2.mjs") },
  nghttpd: {
    kind: "file",
    path: "/hello.txt",
    announcesPort: false,
    command: (port) => [
      findTool("nghttpd"),
      "--no-tls",
      "--workers=1",
      "--address=127.0.0.1",
      `--htdocs=${makeHtdocs()}`,
      String(port),
    ],
  },
};

function onNode(script) {
  return [
    process.execPath,
    "--import",
    path.join(here, "servers/backlog.mjs"),
    path.join(here, "servers", script),
  ];
}

export const serverNames = Object.keys(servers);

/**
 * Starts one server on its core.
 *
 * @returns `{ name, kind, url, commandLine, cpuMicroseconds(), stop() }`
 */
export async function startServer(name, core) {
  const { kind, path: urlPath, announcesPort = true, command } = servers[name];
  const chosenPort = announcesPort ? 0 : await freePort();
  const [program, ...args] = pinned(core, command(chosenPort));
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const port = announcesPort ? await announcedPort(child) : chosenPort;
  await accepting(child, port);
  return {
    name,
    kind,
    url: `http://127.0.0.1:${port}${urlPath}`,
    commandLine: [program, ...args].join(" "),
    // taskset replaces itself by the program, so the child is the server itself.
    cpuMicroseconds: () => cpuMicrosecondsOf(child.pid),
    stop: () => child.kill("SIGKILL"),
  };
}

function announcedPort(child) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the server announced no port in time")), startTimeoutMs);
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      if (printed === undefined) return; // Read on, so that the server never waits for its own log.
      printed += text;
      const match = announcement.exec(printed);
      if (!match) return;
      clearTimeout(timer);
      printed = undefined;
      resolve(Number(match[1]));
    });
    child.once("exit", (code) => reject(new Error(`the server exited with ${code}`)));
  });
}

/** Resolves once a connection to the port succeeds. */
async function accepting(child, port) {
  const deadline = Date.now() + startTimeoutMs;
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`the server exited with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port}`);
    await delay(retryMs);
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** A file as long as the greeting: 13 bytes. */
function makeHtdocs() {
  const folder = mkdtempSync(path.join(tmpdir(), "bench-htdocs-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, "hello.txt"), "Hello, world!");
  return folder;
}
