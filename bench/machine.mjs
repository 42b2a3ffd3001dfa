import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import { findTool } from "../test/support/find-tool.mjs";

const canPin = process.platform === "linux" && findTool("taskset") !== undefined && os.cpus().length > 1;

/** The command held to one core; as it is where that cannot be done (said in the report). */
export function pinned(core, command) {
  return canPin ? ["taskset", "-c", String(core), ...command] : command;
}

// What Linux calls USER_HZ, the unit of utime and stime.
const ticksPerSecond = canPin ? Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" })) : 100;

/** User and system time that a process has used, from /proc/PID/stat (proc(5)); NaN where there is none. */
export function cpuMicrosecondsOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold blanks; utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

export function describeMachine() {
  const [cpu] = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return {
    machine: `${cpu?.model.trim() ?? "unknown CPU"}, ${os.cpus().length} cores, ${memory} GiB, ${os.type()} ${os.release()}`,
    node: process.version,
    h2load: versionOf("h2load"),
    nghttpd: versionOf("nghttpd"),
    grpcJs: JSON.parse(
      readFileSync(new URL("../node_modules/@grpc/grpc-js/package.json", import.meta.url), "utf8"),
    ).version,
    cores: canPin ? "server on core 0, h2load on core 1" : "NOT held to cores: no taskset or one core only",
  };
}

function versionOf(tool) {
  const executable = findTool(tool);
  if (!executable) return "not installed";
  return execFileSync(executable, ["--version"], { encoding: "utf8" }).trim();
}
