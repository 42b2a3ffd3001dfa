import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { defaultLimits, edgeLimits } from "../../src/http2/limits.ts";
import * as violations from "../../src/http2/violations.ts";

const testFolder = fileURLToPath(new URL("..", import.meta.url));
const tests = readdirSync(testFolder, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith(".test.ts") && !name.includes("limits-table"))
  .map((name) => readFileSync(`${testFolder}/${name}`, "utf8"))
  .join("\n");

/** Limits whose test names the violation, the time or the count, and not the limit itself. */
const TESTED_BY: Record<string, string> = {
  resetBurst: "the bucket of 2,000 resets",
  resetsPerSecond: "400 a second for a minute",
  provokedResetBurst: "ends after 200",
  provokedResetsPerSecond: "provokes 20 resets a second",
  glitchBurst: "10,000 over what DATA explains",
  glitchesPerSecond: "glitches at the rate",
  maxQueuedControlFrames: "once 100 answers wait",
  maxSettingsEntries: "takes 32 entries and no more",
  maxContinuationFrames: "the ninth frame",
  maxHeaderListBytes: "over 16 KiB is answered 431",
  maxHeaderBlockBytes: "64 KiB end the connection",
  maxHeaderFields: "crumbs without number are answered 431",
  headerTableBytes: "says our limits",
  maxEncoderTableBytes: "no more than 4,096 bytes of table",
  maxEmptyDataFrames: "a hundred in a row",
  maxWindowBytes: "grows its windows",
  connectionBufferBytes: "8 MiB unsent",
  socketBufferBytes: "once the socket is full",
  framesPerTurn: "one turn takes a thousand frames",
  prefaceTimeoutMs: "silent for ten seconds",
  settingsTimeoutMs: "does not acknowledge our SETTINGS",
  headerBlockTimeoutMs: "waits ten seconds for the end of a header block",
  responseStallMs: "no byte is taken for a minute",
  socketStallMs: "takes no byte for 20 seconds",
  closeTimeoutMs: "within a second",
  drainPingTimeoutMs: "longer than five seconds",
  minPingIntervalMs: "the fourth ping in a row",
  minIdlePingIntervalMs: "the fourth ping in a row",
  maxPingStrikes: "the fourth ping in a row",
};

describe("the table of limits", () => {
  for (const name of Object.keys(defaultLimits)) {
    it(`has a test for ${name}`, () => {
      expect(tests).to.include(TESTED_BY[name] ?? name);
    });
  }

  it("names no violation twice", () => {
    const names = Object.values(violations)
      .filter((value) => value instanceof violations.Violation)
      .map(({ name }) => name);
    expect(names).to.have.length(new Set(names).size);
  });

  it("has a preset for the edge that differs in the streams alone", () => {
    expect({ ...edgeLimits, maxConcurrentStreams: defaultLimits.maxConcurrentStreams }).to.deep.equal(
      defaultLimits,
    );
    expect(edgeLimits.maxConcurrentStreams).to.equal(100);
  });
});
