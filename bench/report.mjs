/** Above this share of its core h2load itself is the limit, and a faster server would not show. */
const clientBusyShare = 0.97;

const baselines = ["grpc-js", "nghttpd"];

/**
 * Condenses the rounds of one load.
 *
 * @returns by server `{ callsPerSecond: { median, min, max }, ratios: { [baseline] }, p50, p99, cpuPerCall, clientCpu }`;
 *   a ratio is taken within each round, so that a slow phase of the machine touches both sides of it
 */
export function summarise(rounds) {
  const summary = {};
  for (const name of Object.keys(rounds[0])) {
    const values = (key) => rounds.map((round) => round[name][key]);
    const ratios = {};
    for (const baseline of baselines.filter((other) => rounds[0][other])) {
      const perRound = rounds.map((round) => round[name].callsPerSecond / round[baseline].callsPerSecond);
      ratios[baseline] = median(perRound);
    }
    const calls = values("callsPerSecond");
    summary[name] = {
      callsPerSecond: { median: median(calls), min: Math.min(...calls), max: Math.max(...calls) },
      ratios,
      p50: median(values("p50")),
      p99: median(values("p99")),
      cpuPerCall: median(values("cpuPerCall")),
      clientCpu: median(values("clientCpu")),
    };
  }
  return summary;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function printHeader({ machine, options, servers, command }) {
  console.log(`node bench/run.mjs ${process.argv.slice(2).join(" ")}`.trim());
  console.log(`machine    ${machine.machine}; ${machine.cores}`);
  console.log(`versions   node ${machine.node}, grpc-js ${machine.grpcJs}, ${machine.h2load}`);
  console.log(`load       ${command}`);
  for (const { name, commandLine } of servers) console.log(`${name.padEnd(11)}${commandLine}`);
  const { rounds, seconds } = options;
  console.log(`${rounds} interleaved rounds of ${seconds} s; medians; a ratio is taken within each round`);
}

export function printLoad({ load, summary }) {
  const header = [
    "server",
    "calls/s (min-max)",
    "x grpc-js",
    "x nghttpd",
    "p50 us",
    "p99 us",
    "server CPU us/call",
  ];
  const rows = Object.entries(summary).map(([name, result]) => [
    name,
    `${whole(result.callsPerSecond.median)} (${whole(result.callsPerSecond.min)}-${whole(result.callsPerSecond.max)})`,
    ...baselines.map((baseline) => result.ratios[baseline]?.toFixed(2) ?? "-"),
    whole(result.p50),
    whole(result.p99),
    result.cpuPerCall.toFixed(2),
  ]);
  console.log(`\n${load} (connections x streams)`);
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column].length)));
  for (const row of [header, ...rows]) {
    console.log(row.map((cell, column) => align(cell, widths[column], column)).join("  "));
  }
  for (const [name, { clientCpu }] of Object.entries(summary)) {
    if (clientCpu < clientBusyShare) continue;
    console.log(
      `  note: h2load used ${whole(clientCpu * 100)}% of its core against ${name}: it may be the limit`,
    );
  }
}

function align(cell, width, column) {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function whole(value) {
  return Number.isNaN(value) ? "-" : Math.round(value).toLocaleString("en-US");
}
