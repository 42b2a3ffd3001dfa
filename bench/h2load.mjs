import { spawn } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { encodeText } from "../test/conformance/support/grpc-message.mjs";
import { findTool } from "../test/support/find-tool.mjs";
import { cpuMicrosecondsOf, pinned } from "./machine.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

const requestFile = path.join(folder, "request");
writeFileSync(requestFile, encodeText("world"));

/** "Hello, world!" as a HelloReply behind its five-byte prefix, or as the bare file. */
const replyBytes = { grpc: 20, file: 13 };

const sampleMs = 100;
/** h2load waits for ever when its time is over while a connection is still being made: then it is asked again. */
const graceSeconds = 10;
const attempts = 5;

/**
 * Drives one server with h2load for `seconds`.
 *
 * @returns `{ callsPerSecond, calls, clientCpu }`, `clientCpu` the share of one core (0 to 1) that h2load used
 * @throws when any call failed or was answered with something else than the greeting
 */
export async function drive(settings) {
  for (let attempt = 1; ; attempt += 1) {
    const result = await driveOnce(settings);
    if (result !== null) return result;
    if (attempt === attempts) throw new Error(`h2load did not end in ${attempts} attempts`);
  }
}

/** Null when h2load did not end. */
async function driveOnce({ server, load, seconds, core, logFile }) {
  const args = h2loadArgs({ server, load, seconds, logFile });
  const [program, ...rest] = pinned(core, [findTool("h2load"), ...args]);
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"] });
  const cpu = sampleCpu(child.pid);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  let isStuck = false;
  const giveUp = () => {
    isStuck = true;
    child.kill("SIGKILL");
  };
  const timer = setTimeout(giveUp, (seconds + graceSeconds) * 1000);
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  clearTimeout(timer);
  const clientCpu = cpu.stop();
  if (isStuck) return null;
  if (code !== 0) throw new Error(`h2load exited with ${code}:\n${output}`);
  return { ...readReport(output, server), clientCpu };
}

export function h2loadArgs({ server, load, seconds, logFile }) {
  const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers", "-d", requestFile];
  return [
    `--clients=${load.connections}`,
    `--max-concurrent-streams=${load.streams}`,
    `--duration=${seconds}`,
    "--threads=1",
    ...(logFile ? [`--log-file=${logFile}`] : []),
    ...(server.kind === "grpc" ? headers : []),
    server.url,
  ];
}

/**
 * Latencies of a short run of its own, so that writing the log does not slow the measured one.
 *
 * @returns `{ p50, p99 }` in microseconds
 */
export async function latencies({ server, load, seconds, core }) {
  const logFile = path.join(folder, "latencies.tsv");
  await drive({ server, load, seconds, core, logFile });
  const times = [];
  for await (const line of createInterface({ input: createReadStream(logFile) })) {
    const [, status, microseconds] = line.split("\t");
    if (status === "200") times.push(Number(microseconds));
  }
  rmSync(logFile);
  times.sort((a, b) => a - b);
  const quantile = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return { p50: quantile(0.5), p99: quantile(0.99) };
}

function readReport(output, server) {
  const rate = /finished in [\d.]+\w+, ([\d.]+) req\/s/.exec(output);
  const counts = /requests: .*?(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(
    output,
  );
  const data = /\(\d+\) data/.exec(output)?.[0] ?? "";
  if (!rate || !counts) throw new Error(`h2load printed no result:\n${output}`);
  const [done, succeeded, failed, errored, timeouts] = counts.slice(1).map(Number);
  if (failed + errored + timeouts > 0 || succeeded !== done || done === 0) {
    throw new Error(`${server.name}: not every call succeeded:\n${output}`);
  }
  expectGreetings(Number(data.replaceAll(/\D/g, "")) / done, server);
  return { callsPerSecond: Number(rate[1]), calls: done };
}

/**
 * A gRPC error is a 200 without a message, and h2load reads no trailers: the bytes received tell. There may be more than
 * the calls account for, since every stream may have an answer under way when the time is over.
 */
function expectGreetings(bytesPerCall, server) {
  const wanted = replyBytes[server.kind];
  if (bytesPerCall < wanted || bytesPerCall > 2 * wanted) {
    throw new Error(
      `${server.name}: ${bytesPerCall.toFixed(2)} bytes of data for each call, wanted ${wanted}`,
    );
  }
}

function sampleCpu(pid) {
  const samples = [];
  const take = () => {
    const used = cpuMicrosecondsOf(pid);
    if (used > 0) samples.push({ used, at: performance.now() * 1000 });
  };
  const timer = setInterval(take, sampleMs);
  return {
    stop() {
      clearInterval(timer);
      if (samples.length < 2) return Number.NaN;
      const [first, last] = [samples[0], samples.at(-1)];
      return (last.used - first.used) / (last.at - first.at);
    },
  };
}
