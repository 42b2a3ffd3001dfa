import { expect } from "chai";
import fc from "fast-check";
import {
  IntegerReader,
  MAX_INTEGER,
  MAX_INTEGER_OCTETS,
  writeInteger,
} from "../../../src/http2/hpack/integer.ts";
import { octets, violationOf } from "./support.ts";

function read(hex: string, mask: number): number {
  const bytes = octets(hex);
  return new IntegerReader(bytes, 0, bytes.length).readInteger(mask);
}

const masks = [0x0f, 0x1f, 0x3f, 0x7f, 0xff];

describe("integers (RFC 7541 section 5.1)", () => {
  it("come back from any prefix, and the octets before and behind are left alone", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_INTEGER }), fc.constantFrom(...masks), (value, mask) => {
        const out = Buffer.alloc(MAX_INTEGER_OCTETS + 2, 0xaa);
        const end = writeInteger(out, 1, 0, mask, value);
        const reader = new IntegerReader(out, 1, end);
        expect(reader.readInteger(mask)).to.equal(value);
        expect(reader.at).to.equal(end);
        expect([out[0], out[end]]).to.deep.equal([0xaa, 0xaa]);
      }),
    );
  });

  it("come back at the edges of the prefix", () => {
    for (const mask of masks) {
      for (const value of [0, mask - 1, mask, mask + 1, mask + 127, mask + 128, MAX_INTEGER]) {
        const out = Buffer.alloc(MAX_INTEGER_OCTETS);
        const end = writeInteger(out, 0, 0, mask, value);
        expect(new IntegerReader(out, 0, end).readInteger(mask), `${value} of ${mask}`).to.equal(value);
      }
    }
  });

  it("keep the bits above the prefix", () => {
    const out = Buffer.alloc(6);
    expect(writeInteger(out, 0, 0x20, 0x1f, 4096)).to.equal(3);
    expect(out.toString("hex")).to.equal("3fe11f000000");
  });

  it("may be padded with zero bits up to five octets", () => {
    expect(read("1f8080808000", 0x1f)).to.equal(31);
  });

  it("CVE-2023-33953 and CVE-2023-36478: endless integer padding is refused", () => {
    expect(violationOf(() => read("1f808080808000", 0x1f))).to.equal("hpack-integer-overflow");
    expect(violationOf(() => read(`1f${"80".repeat(10_000)}00`, 0x1f))).to.equal("hpack-integer-overflow");
  });

  it("are refused beyond 2^31-1", () => {
    expect(read("7f80ffffff07", 0x7f)).to.equal(MAX_INTEGER);
    expect(violationOf(() => read("7f81ffffff07", 0x7f))).to.equal("hpack-integer-overflow");
    expect(violationOf(() => read("7fffffffff7f", 0x7f))).to.equal("hpack-integer-overflow");
  });

  it("are refused when the block ends within them", () => {
    for (const hex of ["", "1f", "1f80", "1f8080"]) {
      expect(
        violationOf(() => read(hex, 0x1f)),
        hex,
      ).to.equal("hpack-truncated");
    }
  });
});
