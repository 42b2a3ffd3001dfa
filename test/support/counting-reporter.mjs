import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Mocha from "mocha";

const folder = fileURLToPath(new URL("../../.tools/counts/", import.meta.url));

/** Prints what mocha's "spec" prints, and leaves the counts in .tools/counts/mocha.json for .ci/run to add up. */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      mkdirSync(folder, { recursive: true });
      const counts = { passed: passes, failed: failures, skipped: pending };
      writeFileSync(`${folder}mocha.json`, `${JSON.stringify(counts)}\n`);
    });
  }
}
