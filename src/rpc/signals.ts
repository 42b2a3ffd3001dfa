import { performance } from "node:perf_hooks";
import type { RpcLog } from "./protocol.ts";
import type { Server } from "./server.ts";

const COUNTDOWN_MS = 2000;

/**
 * Stops the server on SIGTERM or SIGINT: running calls may finish for `graceMs`, told every few seconds, and the
 * process ends with code 0. A second signal ends it at once.
 */
export function stopOnSignals(
  server: Server,
  graceMs: number,
  log: RpcLog & { info(message: string): void },
): void {
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping) {
      log.warn(`${signal} again: ending at once`);
      process.exit(0);
    }
    isStopping = true;
    void drain(server, graceMs, signal, log).then(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

async function drain(
  server: Server,
  graceMs: number,
  signal: string,
  log: RpcLog & { info(message: string): void },
): Promise<void> {
  const startedAt = performance.now();
  const tell = () => {
    const left = Math.max(0, Math.ceil((graceMs - (performance.now() - startedAt)) / 1000));
    const { calls, connections } = server.load;
    log.info(`draining: ${count(calls, "call")}, ${count(connections, "connection")}, ${left} s left`);
  };
  log.info(`${signal}: no new connections; running calls may finish`);
  if (server.load.connections > 0) tell();
  const timer = setInterval(tell, COUNTDOWN_MS);
  await server.close(graceMs);
  clearInterval(timer);
  log.info(`stopped after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
