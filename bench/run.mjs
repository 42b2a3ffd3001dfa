// Drives Yodel and its peers with h2load in one interleaved run: the only way in which figures from a noisy machine
// can be compared.
//
//   npm run bench -- [--rounds 3] [--seconds 4] [--loads 10x100,1x1] [--servers yodel,grpc-js] [--json FILE]
//
// A load is CONNECTIONSxSTREAMS. The server runs on core 0, h2load on core 1. A call is one unary SayHello; nghttpd, which
// knows no gRPC, answers a GET with a file as long as the greeting and shows what the machine allows.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkAnswer } from "./check-answer.mjs";
import { drive, h2loadArgs, latencies } from "./h2load.mjs";
import { describeMachine } from "./machine.mjs";
import { printHeader, printLoad, summarise } from "./report.mjs";
import { serverNames, startServer } from "./servers.mjs";

const serverCore = 0;
const clientCore = 1;
const warmUpSeconds = 1;
const latencySeconds = 1;

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "4" },
      loads: { type: "string", default: "10x100,100x1,1x1,1000x10" },
      servers: { type: "string", default: serverNames.join(",") },
      json: { type: "string" },
    },
  });
  const servers = values.servers.split(",");
  const unknown = servers.filter((name) => !serverNames.includes(name));
  if (unknown.length > 0)
    throw new Error(`unknown server ${unknown.join(", ")}; known: ${serverNames.join(", ")}`);
  return {
    rounds: positive("rounds", values.rounds),
    seconds: positive("seconds", values.seconds),
    loads: values.loads.split(",").map(parseLoad),
    servers,
    json: values.json,
  };
}

function positive(name, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} wants a whole number above 0, not ${text}`);
  return value;
}

function parseLoad(name) {
  const match = /^(\d+)x(\d+)$/.exec(name);
  if (!match) throw new Error(`--loads wants CONNECTIONSxSTREAMS such as 10x100, not ${name}`);
  return { name, connections: Number(match[1]), streams: Number(match[2]) };
}

async function measure(server, load, seconds) {
  await drive({ server, load, seconds: warmUpSeconds, core: clientCore });
  const cpuBefore = server.cpuMicroseconds();
  const { callsPerSecond, calls, clientCpu } = await drive({ server, load, seconds, core: clientCore });
  const cpuPerCall = (server.cpuMicroseconds() - cpuBefore) / calls;
  const { p50, p99 } = await latencies({ server, load, seconds: latencySeconds, core: clientCore });
  return { callsPerSecond, cpuPerCall, clientCpu, p50, p99 };
}

/** One round is one turn of each server; `rounds[i][name]` is what it reached in round i. */
async function measureLoad(servers, load, { rounds, seconds }) {
  const results = [];
  for (let round = 0; round < rounds; round += 1) {
    const result = {};
    for (const server of servers) {
      process.stderr.write(`${load.name} round ${round + 1}/${rounds}: ${server.name}        \r`);
      result[server.name] = await measure(server, load, seconds);
    }
    results.push(result);
  }
  return { load: load.name, rounds: results, summary: summarise(results) };
}

async function main() {
  const options = readOptions();
  const servers = [];
  process.once("exit", () => {
    for (const server of servers) server.stop();
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  for (const name of options.servers) servers.push(await startServer(name, serverCore));
  for (const server of servers) await checkAnswer(server);

  const machine = describeMachine();
  const example = h2loadArgs({ server: servers[0], load: options.loads[0], seconds: options.seconds });
  printHeader({ machine, options, servers, command: `h2load ${example.join(" ")}` });
  const loads = [];
  for (const load of options.loads) {
    const result = await measureLoad(servers, load, options);
    printLoad(result);
    loads.push(result);
  }
  for (const server of servers) await checkAnswer(server);
  if (options.json) {
    writeFileSync(options.json, `${JSON.stringify({ machine, options, loads }, null, 2)}\n`);
  }
  process.exit(0);
}

await main();
