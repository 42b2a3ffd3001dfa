import { expect } from "chai";
import { HpackDecoder } from "../../../src/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import { decodeHex, encodeBlock, octets, roomyDecoder, tableOf, violationOf } from "./support.ts";

const violation = (hex: string, decoder = roomyDecoder()) => violationOf(() => decodeHex(decoder, hex));

describe("the HPACK decoder", () => {
  it("decodes an empty block", () => {
    expect(decodeHex(roomyDecoder(), "")).to.deep.equal([]);
  });

  it("reads only from start to end", () => {
    const { fields } = roomyDecoder().decode(octets("00 82 87 00"), 1, 3);
    expect(fields).to.deep.equal([":method", "GET", ":scheme", "https"]);
  });

  it("decodes from a plain Uint8Array as from a Buffer, at an offset into its memory", () => {
    const block = octets("ff 0001 61 1e 6162636465666768696a6b6c6d6e6f707172737475767778797a30313233");
    const memory = new Uint8Array(block).subarray(1);
    const { fields } = roomyDecoder().decode(memory, 0, memory.length);
    expect(fields).to.deep.equal(["a", "abcdefghijklmnopqrstuvwxyz0123"]);
  });

  it("gives the octets of a value as they are, also those above 0x7f", () => {
    expect(decodeHex(roomyDecoder(), "0001 61 04 c3a9 ff80")).to.deep.equal(["a", "\xc3\xa9\xff\x80"]);
  });

  it("decodes names and values of any length", () => {
    for (const length of [0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 126, 127, 128, 5000]) {
      const text = "aZ~".repeat(length).slice(0, length);
      const block = encodeBlock(new HpackEncoder(), 0, [text, text]);
      expect(roomyDecoder().decode(block, 0, block.length).fields).to.deep.equal([text, text]);
    }
  });

  it("measures the list as RFC 9113 section 6.5.2 does", () => {
    const block = octets("82 0001 61 02 6262");
    const decoded = roomyDecoder().decode(block, 0, block.length);
    expect(decoded.listBytes).to.equal(7 + 3 + 32 + 3 + 32);
    expect(decoded.fieldCount).to.equal(2);
    expect(decoded.overflow).to.equal(null);
  });
});

describe("the HPACK decoder's strictness", () => {
  it("refuses index 0", () => {
    expect(violation("80")).to.equal("hpack-index-zero");
  });

  it("refuses an index beyond both tables, for a field and for a name", () => {
    expect(violation("be")).to.equal("hpack-index-out-of-range");
    expect(violation("7e 0161")).to.equal("hpack-index-out-of-range");
    expect(violation("0f2f 0161")).to.equal("hpack-index-out-of-range");
    expect(violation("4001610162 bf")).to.equal("hpack-index-out-of-range");
  });

  it("refuses an index and a length beyond 2^31-1", () => {
    expect(violation("ffffffffff7f")).to.equal("hpack-integer-overflow");
    expect(violation("00 7fffffffff7f")).to.equal("hpack-integer-overflow");
  });

  it("refuses a string of 2 GiB of which only the length has come, before it takes any memory", () => {
    expect(violation("00 7f80ffffff07")).to.equal("hpack-truncated");
    expect(violation("00 ff80ffffff07")).to.equal("hpack-truncated");
  });

  it("refuses Huffman strings with wrong padding and with EOS", () => {
    expect(violation("00 8100 0161")).to.equal("hpack-huffman-padding");
    expect(violation("00 0161 82 07ff")).to.equal("hpack-huffman-padding");
    expect(violation("00 0161 84 ffffffff")).to.equal("hpack-huffman-eos");
  });

  it("refuses a block that ends anywhere within a field", () => {
    // One field a piece: every representation, plain and Huffman coded, with an integer of several octets.
    const pieces = [
      "3fe11f",
      "82",
      "418cf1e3c2e5f23a6ba0ab90f4ff",
      "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
      "040c2f73616d706c652f70617468",
      "100870617373776f726406736563726574",
      "0f1f03676574",
      "bf",
    ];
    const block = octets(pieces.join(""));
    const ends = pieces.map((_, i) => pieces.slice(0, i + 1).join("").length / 2);
    for (let cut = 1; cut < block.length; cut++) {
      const expected = ends.includes(cut) ? "none" : "hpack-truncated";
      expect(
        violationOf(() => roomyDecoder().decode(block, 0, cut)),
        `cut at ${cut}`,
      ).to.equal(expected);
    }
  });
});

describe("dynamic table size updates (RFC 7541 sections 4.2 and 6.3)", () => {
  it("change the size of the table, which evicts", () => {
    const decoder = roomyDecoder();
    decodeHex(decoder, "4001610162 4001630164");
    expect(decodeHex(decoder, "3f03 be")).to.deep.equal(["c", "d"]);
    expect(tableOf(decoder)).to.deep.equal(["c", "d"]);
    decodeHex(decoder, "20");
    expect(decoder.tableSize).to.equal(0);
  });

  it("may come twice at the start of a block: the lowest size, then the last", () => {
    const decoder = roomyDecoder();
    decodeHex(decoder, "4001610162");
    expect(decodeHex(decoder, "20 3fe11f 4001630164 be")).to.deep.equal(["c", "d", "c", "d"]);
    expect(tableOf(decoder)).to.deep.equal(["c", "d"]);
  });

  it("are refused behind a field", () => {
    expect(violation("82 20")).to.equal("hpack-size-update-misplaced");
    expect(violation("4001610162 3fe11f")).to.equal("hpack-size-update-misplaced");
  });

  it("are refused above our setting", () => {
    expect(violation("3fe11f")).to.equal("none");
    expect(violation("3fe21f")).to.equal("hpack-size-update-too-large");
    expect(violation("3fe0ffffff07")).to.equal("hpack-size-update-too-large");
  });

  it("may go above 4096 when our setting does, and the table is 4096 until they do", () => {
    const insert80 = "4001610162".repeat(200);
    const decoder = roomyDecoder(65_536);
    decodeHex(decoder, insert80);
    expect(decoder.tableSize).to.equal(Math.floor(4096 / 34) * 34);
    decodeHex(decoder, `3fe1ff03${insert80}`);
    expect(decoder.tableSize).to.equal((Math.floor(4096 / 34) + 200) * 34);
  });

  it("are measured against the setting in force, which may change", () => {
    const decoder = roomyDecoder();
    decodeHex(decoder, "4001610162 4001630164");
    decoder.setMaxTableSize(40);
    expect(tableOf(decoder)).to.deep.equal(["c", "d"]);
    expect(violation("3f09", decoder)).to.equal("none");
    expect(violation("3f0a", decoder)).to.equal("hpack-size-update-too-large");
    decoder.setMaxTableSize(8192);
    expect(violation("3fe13f", decoder)).to.equal("none");
  });

  it("start a new generation, as insertions do and plain fields do not", () => {
    const decoder = roomyDecoder();
    const generations = ["82 04 0161", "20", "3fe11f", "4001610162"].map((hex) => {
      decodeHex(decoder, hex);
      return decoder.generation;
    });
    expect(generations).to.deep.equal([0, 1, 2, 3]);
  });
});

describe("the limits of a header list", () => {
  const limits = { maxListBytes: 100, maxFields: 5, absoluteListBytes: 1000 };
  const decode = (decoder: HpackDecoder, hex: string) => {
    const block = octets(hex);
    return decoder.decode(block, 0, block.length);
  };

  it("keep what comes before the limit of bytes and no more, also when a later field would fit", () => {
    const value = "00 0161 3c".concat("62".repeat(60));
    const decoded = decode(new HpackDecoder(4096, limits), `82 ${value} ${value} 82`);
    expect(decoded.overflow).to.equal("list-bytes");
    expect(decoded.fields).to.deep.equal([":method", "GET"]);
    expect(decoded.listBytes).to.equal(42 + 93 + 93 + 42);
  });

  it("accept a list of exactly the limit", () => {
    const value = "00 0161 19".concat("62".repeat(25));
    expect(decode(new HpackDecoder(4096, limits), `82 ${value}`).overflow).to.equal(null);
    const longer = "00 0161 1a".concat("62".repeat(26));
    expect(decode(new HpackDecoder(4096, limits), `82 ${longer}`).overflow).to.equal("list-bytes");
  });

  it("count fields, each cookie crumb singly", () => {
    const decoder = new HpackDecoder(4096, { ...limits, maxListBytes: 900 });
    expect(decode(decoder, "0f110161".repeat(5)).overflow).to.equal(null);
    const decoded = decode(decoder, "0f110161".repeat(6));
    expect(decoded.overflow).to.equal("field-count");
    expect(decoded.fields).to.deep.equal(Array.from({ length: 5 }, () => ["cookie", "a"]).flat());
  });

  it("leave the dynamic table in step: the next block may use what came behind the limit", () => {
    const decoder = new HpackDecoder(4096, limits);
    const long = `4001 61 50 ${"62".repeat(80)}`;
    expect(decode(decoder, `${long} 4001630164 1f28 81 0f`).overflow).to.equal("list-bytes");
    expect(decode(decoder, "be").fields).to.deep.equal(["c", "d"]);
    expect(decode(decoder, "7e 0165").fields).to.deep.equal(["c", "e"]);
  });

  it("do not excuse what is wrong behind them", () => {
    const long = `00 0161 50 ${"62".repeat(80)}`;
    expect(violation(`${long} 00 8100 0161`, new HpackDecoder(4096, limits))).to.equal(
      "hpack-huffman-padding",
    );
    expect(violation(`${long} be`, new HpackDecoder(4096, limits))).to.equal("hpack-index-out-of-range");
  });

  it("end in an error far beyond", () => {
    expect(violation("82".repeat(23), new HpackDecoder(4096, limits))).to.equal("none");
    expect(violation("82".repeat(24), new HpackDecoder(4096, limits))).to.equal("header-list-way-too-large");
  });

  it("CVE-2016-6581 and CVE-2016-1544: one table entry referenced thousands of times stops at the list limit", () => {
    const serving = { maxListBytes: 16_384, maxFields: 128, absoluteListBytes: 65_536 };
    const insert = `40 01 61 7fde1e ${"62".repeat(4061)}`;
    const decoder = new HpackDecoder(4096, serving);
    const decoded = decode(decoder, insert + "be".repeat(10));
    expect(decoded.overflow).to.equal("list-bytes");
    expect(decoded.fields).to.have.length(2 * Math.floor(16_384 / 4094));
    expect(decode(decoder, "be").fields[1]).to.have.length(4061);
    expect(violation("be".repeat(16_384), decoder)).to.equal("header-list-way-too-large");
  });

  it("CVE-2016-6581: the same with the empty fields of a large table is stopped by the count", () => {
    const decoder = new HpackDecoder(4096, {
      maxListBytes: 16_384,
      maxFields: 128,
      absoluteListBytes: 65_536,
    });
    expect(decode(decoder, "40 0161 00 ".concat("be".repeat(400))).overflow).to.equal("field-count");
  });
});
