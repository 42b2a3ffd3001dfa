import { expect } from "chai";
import { parseTimeout } from "../../src/protocols/grpc/timeout.ts";

describe("parseTimeout", () => {
  for (const [value, ms] of [
    ["2H", 7_200_000],
    ["2M", 120_000],
    ["2S", 2000],
    ["2m", 2],
    ["2000u", 2],
    ["2000000n", 2],
    ["1n", 1e-6],
    ["0S", 0],
    ["00000007S", 7000],
    ["99999999H", 359_999_996_400_000],
  ] as const) {
    it(`reads ${value} as ${ms} ms`, () => {
      expect(parseTimeout(value)).to.be.closeTo(ms, ms * 1e-12);
    });
  }

  const wrong = [
    "",
    "S",
    "1",
    "1s",
    "1h",
    "+1S",
    "-1S",
    " 1S",
    "1S ",
    "1S\n",
    "1.5S",
    "1e3S",
    "0x1S",
    "123456789S",
    "1SS",
  ];
  for (const value of [...wrong, "x1S", "1S;a", "١S", "NaNS"]) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      expect(parseTimeout(value)).to.equal(null);
    });
  }
});
