import { expect } from "chai";
import fc from "fast-check";
import { decodeHuffman, huffmanLength, huffmanRoom, writeHuffman } from "../../../src/http2/hpack/huffman.ts";
import { octets, violationOf } from "./support.ts";

function encode(text: string): Buffer {
  const out = Buffer.alloc(text.length * 4 + 1);
  return out.subarray(0, writeHuffman(out, 0, text));
}

function decode(bytes: Uint8Array): string {
  const out = Buffer.alloc(huffmanRoom(bytes.length));
  return out.toString("latin1", 0, decodeHuffman(bytes, 0, bytes.length, out));
}

const violation = (hex: string) => violationOf(() => decode(octets(hex)));

describe("Huffman coding (RFC 7541 section 5.2)", () => {
  it("brings every octet back, alone and between others", () => {
    for (let octet = 0; octet < 256; octet++) {
      const char = String.fromCharCode(octet);
      expect(decode(encode(char)), `octet ${octet}`).to.equal(char);
      expect(decode(encode(`0${char}${char}z`)), `octet ${octet}`).to.equal(`0${char}${char}z`);
    }
  });

  it("brings any string of octets back and foretells its length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString("latin1");
        expect(decode(encode(text))).to.equal(text);
        expect(encode(text)).to.have.length(huffmanLength(text));
      }),
    );
  });

  it("decodes the empty string", () => {
    expect(decode(octets(""))).to.equal("");
  });

  it("knows the codes at both ends of the table", () => {
    expect(encode("0").toString("hex")).to.equal("07");
    expect(encode("\x16").toString("hex")).to.equal("fffffffb");
    expect(encode("\xf9").toString("hex")).to.equal("ffffffef");
  });

  it("has room for the input that grows most", () => {
    const shortest = "0".repeat(160);
    expect(encode(shortest)).to.have.length(100);
    expect(huffmanRoom(100)).to.be.at.least(160);
    expect(decode(encode(shortest))).to.equal(shortest);
  });

  it("refuses eight bits of padding and more", () => {
    expect(violation("07ff")).to.equal("hpack-huffman-padding");
    expect(violation("ff")).to.equal("hpack-huffman-padding");
    expect(violation("ffffff")).to.equal("hpack-huffman-padding");
  });

  it("accepts seven bits of padding", () => {
    // "0" is five zeros: five of them leave seven bits of the fourth octet.
    expect(encode("00000").toString("hex")).to.equal("0000007f");
    expect(decode(octets("0000007f"))).to.equal("00000");
  });

  it("refuses padding that is not all ones", () => {
    for (const last of ["00", "01", "06", "03", "05"]) {
      expect(violation(last), last).to.equal("hpack-huffman-padding");
    }
  });

  it("refuses EOS within a string, also as a whole string", () => {
    expect(violation("ffffffff")).to.equal("hpack-huffman-eos");
    expect(violation("fffffffc")).to.equal("hpack-huffman-eos");
    expect(violation("1fffffffff")).to.equal("hpack-huffman-eos");
    expect(violation("fffffffc07")).to.equal("hpack-huffman-eos");
  });

  it("sends only the low eight bits of a character above U+00FF", () => {
    expect(decode(encode("\u0161"))).to.equal("a");
  });

  it("CVE-2022-41723: decoding is linear, each octet is read exactly once", () => {
    for (const length of [100, 1_000, 10_000]) {
      let reads = 0;
      const bytes = new Proxy(new Uint8Array(length), {
        get(target, key) {
          reads++;
          return Reflect.get(target, key);
        },
      });
      const out = new Uint8Array(huffmanRoom(length));
      // All bits zero: the shortest symbol, five bits long, over and over.
      expect(decodeHuffman(bytes, 0, length, out)).to.equal((length * 8) / 5);
      expect(reads).to.equal(length);
    }
  });
});
