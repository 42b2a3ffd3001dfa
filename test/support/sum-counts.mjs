// Adds up the counts that suites left behind and prints them as one line, the last one of .ci/run.
//
//   node test/support/sum-counts.mjs FAILED_STEPS FILE...
//
// Exits with 1 when a test or a step failed, when a suite left no counts, or when nothing was tested at all.
import { readFileSync } from "node:fs";

const [failedSteps, ...files] = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
let missing = 0;

for (const file of files) {
  try {
    const counts = JSON.parse(readFileSync(file, "utf8"));
    for (const outcome of Object.keys(total)) total[outcome] += counts[outcome];
  } catch (error) {
    missing += 1;
    console.log(`no counts from a suite: ${error.message}`);
  }
}

// A suite that never got to counting is one failure; a failing lint or build step has no tests of its own to count.
const failed = Math.max(total.failed + missing, Number(failedSteps) > 0 ? 1 : 0);
console.log(`${total.passed} passed, ${failed} failed, ${total.skipped} skipped`);
process.exitCode = failed > 0 || total.passed === 0 ? 1 : 0;
