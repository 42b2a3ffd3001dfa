import { expect } from "chai";
import { HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import { encodeBlock, encodeFixedBlock, roomyDecoder, tableOf } from "./support.ts";

/** Encodes one block after the other, in hexadecimal. */
function encodeAll(encoder: HpackEncoder, ...lists: readonly (readonly string[])[]): string[] {
  return lists.map((fields) => encodeBlock(encoder, 0, fields).toString("hex"));
}

const decodeWith = (decoder: ReturnType<typeof roomyDecoder>, block: Buffer) =>
  decoder.decode(block, 0, block.length).fields;

describe("the HPACK encoder", () => {
  it("indexes the statuses of the static table and inserts others", () => {
    const encoder = new HpackEncoder();
    const blocks = [200, 204, 206, 304, 400, 404, 500, 302, 302].map((status) =>
      encodeBlock(encoder, status, []).toString("hex"),
    );
    expect(blocks).to.deep.equal(["88", "89", "8a", "8b", "8c", "8d", "8e", "48826402", "be"]);
  });

  it("writes no status for trailers", () => {
    expect(encodeAll(new HpackEncoder(), ["age", ""])).to.deep.equal(["95"]);
  });

  it("encodes a request as a flat list", () => {
    const out = Buffer.alloc(64);
    const end = new HpackEncoder().encodeRequest([":method", "GET", ":path", "/"], out, 2);
    expect(out.subarray(2, end).toString("hex")).to.equal("8284");
  });

  it("indexes a field it has inserted, and uses its name for another value", () => {
    const blocks = encodeAll(new HpackEncoder(), ["x-a", "1"], ["x-a", "1"], ["x-a", "2"], ["x-a", "1"]);
    expect(blocks.slice(1)).to.deep.equal(["be", "7e0132", "bf"]);
  });

  it("never lets secrets be indexed, by itself or by anyone on the way", () => {
    const names = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
    const encoder = new HpackEncoder();
    const first = encodeAll(encoder, ...names.map((name) => [name, "ab"]));
    const second = encodeAll(encoder, ...names.map((name) => [name, "ab"]));
    expect(first).to.deep.equal(["1f08026162", "1f22026162", "1f11026162", "1f28026162"]);
    expect(second).to.deep.equal(first);
    expect(encoder.tableSize).to.equal(0);
  });

  it("leaves out of its table what changes each time", () => {
    const encoder = new HpackEncoder();
    const fields = [
      "grpc-message",
      "m",
      "grpc-status-details-bin",
      "d",
      "content-length",
      "7",
      "date",
      "now",
    ];
    encodeBlock(encoder, 0, [...fields, "grpc-status", "5", "etag", "e", "location", "/a", ":path", "/a/b"]);
    encodeBlock(encoder, 0, ["x-long", "v".repeat(129)]);
    expect(encoder.tableSize).to.equal(0);
  });

  it("inserts the grpc-status of success", () => {
    const blocks = encodeAll(
      new HpackEncoder(),
      ["grpc-status", "0"],
      ["grpc-status", "0"],
      ["grpc-status", "5"],
    );
    expect(blocks.slice(1)).to.deep.equal(["be", "0f2f0135"]);
  });

  it("leaves out a pair above a quarter of the table", () => {
    const encoder = new HpackEncoder(256);
    encodeBlock(encoder, 0, ["a", "b".repeat(32)]);
    expect(encoder.tableSize).to.equal(0);
    encodeBlock(encoder, 0, ["a", "b".repeat(31)]);
    expect(encoder.tableSize).to.equal(64);
  });

  it("stops inserting values of a name that has another one each time", () => {
    const encoder = new HpackEncoder();
    for (let i = 0; i < 4; i++) encodeBlock(encoder, 0, ["x-request-id", `id-${i}`]);
    const { generation } = encoder;
    for (let i = 4; i < 100; i++) encodeBlock(encoder, 0, ["x-request-id", `id-${i}`]);
    expect(encoder.generation).to.equal(generation);
    expect(encodeAll(encoder, ["x-request-id", "id-0"])).to.deep.equal(["c1"]);
  });

  it("stays in step with its decoder through evictions", () => {
    const encoder = new HpackEncoder(512);
    const decoder = roomyDecoder();
    for (let i = 0; i < 300; i++) {
      const fields = [`x-${i % 7}`, `${i % 3}`, `y-${i % 50}`, "v"];
      expect(decodeWith(decoder, encodeBlock(encoder, 0, fields))).to.deep.equal(fields);
      expect(decoder.tableSize).to.equal(encoder.tableSize);
    }
    expect(encoder.tableSize).to.be.within(400, 512);
  });

  it("sends only the low eight bits of a character above U+00FF and stays in step", () => {
    const encoder = new HpackEncoder();
    const decoder = roomyDecoder();
    const first = decodeWith(decoder, encodeBlock(encoder, 0, ["x-a", "\u0161\u00e9", "x-b", "1"]));
    expect(first).to.deep.equal(["x-a", "a\u00e9", "x-b", "1"]);
    const second = decodeWith(decoder, encodeBlock(encoder, 0, ["x-a", "\u0161\u00e9", "x-b", "1"]));
    expect(second).to.deep.equal(first);
    expect(decoder.tableSize).to.equal(encoder.tableSize);
  });

  it("needs no more than the bound, also for octets that Huffman coding makes longer", () => {
    const fields = ["\x01".repeat(300), "\xff".repeat(5000), "", "", "cookie", "\x00"];
    const block = encodeBlock(new HpackEncoder(0), 599, fields);
    expect(decodeWith(roomyDecoder(), block)).to.deep.equal([":status", "599", ...fields]);
  });
});

describe("the encoder's table size (RFC 7541 section 4.2)", () => {
  it("is announced at the start of the next block, once", () => {
    const encoder = new HpackEncoder();
    encoder.setPeerTableSize(100);
    expect(encodeAll(encoder, [":method", "GET"], [":method", "GET"])).to.deep.equal(["3f4582", "82"]);
  });

  it("is announced twice when it went down and up again: the lowest, then the last", () => {
    const encoder = new HpackEncoder();
    const decoder = roomyDecoder();
    decodeWith(decoder, encodeBlock(encoder, 0, ["x-a", "1"]));
    encoder.setPeerTableSize(0);
    encoder.setPeerTableSize(4096);
    const block = encodeBlock(encoder, 0, [":method", "GET"]);
    expect(block.toString("hex")).to.equal("203fe11f82");
    decodeWith(decoder, block);
    expect(tableOf(decoder)).to.deep.equal([]);
  });

  it("is announced twice when it went down and not all the way up", () => {
    const encoder = new HpackEncoder();
    for (const size of [200, 0, 1000]) encoder.setPeerTableSize(size);
    expect(encodeAll(encoder, [":method", "GET"])).to.deep.equal(["203fc90782"]);
  });

  it("never goes above the cap, and is not announced when it stays", () => {
    const encoder = new HpackEncoder();
    encoder.setPeerTableSize(2 ** 32 - 1);
    encoder.setPeerTableSize(4096);
    expect(encodeAll(encoder, [":method", "GET"])).to.deep.equal(["82"]);
  });

  it("is announced at once when the cap is below what the decoder assumes", () => {
    expect(encodeAll(new HpackEncoder(256), [":method", "GET"])).to.deep.equal(["3fe10182"]);
  });

  it("may be raised above 4096 by a cap that allows it", () => {
    const encoder = new HpackEncoder(65_536);
    encoder.setPeerTableSize(10_000);
    expect(encodeAll(encoder, [":method", "GET"])).to.deep.equal(["3ff14d82"]);
  });

  it("may be 0: nothing is inserted", () => {
    const encoder = new HpackEncoder();
    encoder.setPeerTableSize(0);
    expect(encodeAll(encoder, ["x-a", "1"], ["x-a", "1"])[1]).to.equal("0003782d610131");
  });
});

describe("fixed sections", () => {
  const head = { status: 200, fields: ["content-type", "application/grpc", "server", "s"] };
  const trailers = { status: 0, fields: ["grpc-status", "0"] };
  const other = { status: 404, fields: ["x-o", "1"] };

  it("are inserted the first time and indexed from then on", () => {
    const encoder = new HpackEncoder();
    const decoder = roomyDecoder();
    const blocks = Array.from({ length: 4 }, () => encodeFixedBlock(encoder, head));
    expect(blocks.slice(1).map((block) => block.toString("hex"))).to.deep.equal([
      "88bfbe",
      "88bfbe",
      "88bfbe",
    ]);
    for (const block of blocks)
      expect(decodeWith(decoder, block)).to.deep.equal([":status", "200", ...head.fields]);
  });

  it("are right in any order, whatever else is inserted, evicted and resized between them", () => {
    const encoder = new HpackEncoder(512);
    const decoder = roomyDecoder();
    for (let i = 0; i < 200; i++) {
      const section = [head, trailers, other][((i * 7) % 3) ^ (i & 1)] ?? head;
      const status = section.status === 0 ? [] : [":status", String(section.status)];
      expect(decodeWith(decoder, encodeFixedBlock(encoder, section))).to.deep.equal([
        ...status,
        ...section.fields,
      ]);
      const noise = i % 3 === 0 ? [`x-${i}`, "1"] : [];
      expect(decodeWith(decoder, encodeBlock(encoder, 0, noise))).to.deep.equal(noise);
      encoder.setPeerTableSize(i % 20 === 0 ? 100 : 512);
    }
  });

  it("carry a size update that is due before their remembered octets", () => {
    const encoder = new HpackEncoder();
    const decoder = roomyDecoder();
    for (let i = 0; i < 3; i++) decodeWith(decoder, encodeFixedBlock(encoder, trailers));
    encoder.setPeerTableSize(0);
    encoder.setPeerTableSize(4096);
    const block = encodeFixedBlock(encoder, trailers);
    expect(block.subarray(0, 4).toString("hex")).to.equal("203fe11f");
    expect(decodeWith(decoder, block)).to.deep.equal(trailers.fields);
    expect(decodeWith(decoder, encodeFixedBlock(encoder, trailers))).to.deep.equal(trailers.fields);
  });

  it("may be long, may hold secrets and may be many", () => {
    const encoder = new HpackEncoder();
    const decoder = roomyDecoder();
    const sections = Array.from({ length: 100 }, (_, i) => ({
      status: 0,
      fields: ["set-cookie", "c".repeat(i * 11), "x-i", String(i)],
    }));
    for (const section of [...sections, ...sections, ...sections]) {
      expect(decodeWith(decoder, encodeFixedBlock(encoder, section))).to.deep.equal(section.fields);
    }
  });
});
