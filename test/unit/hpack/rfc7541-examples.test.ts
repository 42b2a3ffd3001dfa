import { expect } from "chai";
import { HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import { IntegerReader, writeInteger } from "../../../src/http2/hpack/integer.ts";
import { decodeHex, encodeBlock, octets, roomyDecoder, tableOf } from "./support.ts";

interface Example {
  readonly hex: string;
  readonly fields: readonly string[];
  /** Newest first. */
  readonly table: readonly string[];
  readonly tableSize: number;
}

const authority = [":authority", "www.example.com"];
const noCache = ["cache-control", "no-cache"];
const custom = ["custom-key", "custom-value"];
const firstRequest = [":method", "GET", ":scheme", "http", ":path", "/", ...authority];
const secondRequest = [...firstRequest, ...noCache];
const thirdRequest = [":method", "GET", ":scheme", "https", ":path", "/index.html", ...authority, ...custom];

function requests(hex: readonly [string, string, string]): Example[] {
  return [
    { hex: hex[0], fields: firstRequest, table: authority, tableSize: 57 },
    { hex: hex[1], fields: secondRequest, table: [...noCache, ...authority], tableSize: 110 },
    { hex: hex[2], fields: thirdRequest, table: [...custom, ...noCache, ...authority], tableSize: 164 },
  ];
}

const cacheControl = ["cache-control", "private"];
const date21 = ["date", "Mon, 21 Oct 2013 20:13:21 GMT"];
const date22 = ["date", "Mon, 21 Oct 2013 20:13:22 GMT"];
const location = ["location", "https://www.example.com"];
const gzip = ["content-encoding", "gzip"];
const cookie = ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"];
const status302 = [":status", "302"];
const status307 = [":status", "307"];

function responses(hex: readonly [string, string, string]): Example[] {
  return [
    {
      hex: hex[0],
      fields: [...status302, ...cacheControl, ...date21, ...location],
      table: [...location, ...date21, ...cacheControl, ...status302],
      tableSize: 222,
    },
    {
      hex: hex[1],
      fields: [...status307, ...cacheControl, ...date21, ...location],
      table: [...status307, ...location, ...date21, ...cacheControl],
      tableSize: 222,
    },
    {
      hex: hex[2],
      fields: [":status", "200", ...cacheControl, ...date22, ...location, ...gzip, ...cookie],
      table: [...cookie, ...gzip, ...date22],
      tableSize: 215,
    },
  ];
}

const c4 = [
  "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
  "8286 84be 5886 a8eb 1064 9cbf",
  "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
] as const;

const series: readonly { name: string; tableSize: number; examples: Example[] }[] = [
  {
    name: "C.3, requests without Huffman coding",
    tableSize: 4096,
    examples: requests([
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ]),
  },
  { name: "C.4, requests with Huffman coding", tableSize: 4096, examples: requests(c4) },
  {
    name: "C.5, responses without Huffman coding",
    tableSize: 256,
    examples: responses([
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
       2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      "4803 3330 37c1 c0bf",
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
       7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
       6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
    ]),
  },
  {
    name: "C.6, responses with Huffman coding",
    tableSize: 256,
    examples: responses([
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
       2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      "4883 640e ffc1 c0bf",
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
       e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ]),
  },
];

describe("the examples of RFC 7541 Appendix C", () => {
  const integers = [
    { name: "C.1.1, 10 in a 5-bit prefix", value: 10, mask: 0x1f, hex: "0a" },
    { name: "C.1.2, 1337 in a 5-bit prefix", value: 1337, mask: 0x1f, hex: "1f9a0a" },
    { name: "C.1.3, 42 in an 8-bit prefix", value: 42, mask: 0xff, hex: "2a" },
  ];
  for (const { name, value, mask, hex } of integers) {
    it(`reads and writes the integer of ${name}`, () => {
      const out = Buffer.alloc(6);
      expect(out.subarray(0, writeInteger(out, 0, 0, mask, value)).toString("hex")).to.equal(hex);
      expect(new IntegerReader(octets(hex), 0, hex.length / 2).readInteger(mask)).to.equal(value);
    });
  }

  const single = [
    {
      name: "C.2.1, a literal with indexing",
      hex: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      fields: ["custom-key", "custom-header"],
      table: ["custom-key", "custom-header"],
    },
    {
      name: "C.2.2, a literal without indexing",
      hex: "040c 2f73 616d 706c 652f 7061 7468",
      fields: [":path", "/sample/path"],
      table: [],
    },
    {
      name: "C.2.3, a literal never indexed",
      hex: "1008 7061 7373 776f 7264 0673 6563 7265 74",
      fields: ["password", "secret"],
      table: [],
    },
    { name: "C.2.4, an indexed field", hex: "82", fields: [":method", "GET"], table: [] },
  ];
  for (const { name, hex, fields, table } of single) {
    it(`decodes ${name}`, () => {
      const decoder = roomyDecoder();
      expect(decodeHex(decoder, hex)).to.deep.equal(fields);
      expect(tableOf(decoder)).to.deep.equal(table);
    });
  }

  for (const { name, tableSize, examples } of series) {
    it(`decodes ${name}, and the table holds what the RFC says`, () => {
      const decoder = roomyDecoder(tableSize);
      for (const example of examples) {
        expect(decodeHex(decoder, example.hex)).to.deep.equal(example.fields);
        expect(tableOf(decoder)).to.deep.equal(example.table);
        expect(decoder.tableSize).to.equal(example.tableSize);
      }
    });
  }

  it("encodes the requests of C.4 to the very octets of the RFC", () => {
    const encoder = new HpackEncoder();
    const blocks = [firstRequest, secondRequest, thirdRequest].map((fields) =>
      encodeBlock(encoder, 0, fields).toString("hex"),
    );
    expect(blocks).to.deep.equal(c4.map((hex) => hex.replaceAll(" ", "")));
  });
});
