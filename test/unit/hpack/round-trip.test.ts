import { expect } from "chai";
import fc from "fast-check";
import { HpackDecoder } from "../../../src/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import { encodeBlock, encodeFixedBlock, roomyDecoder, violationOf } from "./support.ts";

const octetText = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const name = fc.oneof(
  fc.constantFrom(":path", ":status", "cookie", "content-type", "grpc-status", "x-a", "x-b", "x-c", ""),
  octetText,
);
const value = fc.oneof(fc.constantFrom("", "0", "1", "200", "/", "application/grpc"), octetText);
const fields = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((pairs) => pairs.flat());

type Step =
  | { readonly kind: "block" | "fixed"; readonly status: number; readonly fields: string[] }
  | { readonly kind: "sizes"; readonly sizes: number[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("block"), status: fc.constantFrom(0, 200, 302, 503), fields }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("fixed"), status: fc.constantFrom(0, 200), fields }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("sizes"),
      sizes: fc.array(fc.constantFrom(0, 40, 100, 300, 4096, 10_000), { minLength: 1, maxLength: 3 }),
    }),
  },
) as fc.Arbitrary<Step>;

describe("an HPACK encoder and decoder together", () => {
  it("bring back any lists of fields, whatever table sizes the peer sets between them", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.constantFrom(0, 300, 4096, 8192), (steps, cap) => {
        const encoder = new HpackEncoder(cap);
        const decoder = roomyDecoder(10_000);
        for (const one of steps) {
          if (one.kind === "sizes") {
            for (const size of one.sizes) encoder.setPeerTableSize(size);
            continue;
          }
          const expected = one.status === 0 ? one.fields : [":status", String(one.status), ...one.fields];
          // A fixed section comes three times: inserted, indexed, copied.
          for (let i = 0; i < 3; i++) {
            const block =
              one.kind === "fixed"
                ? encodeFixedBlock(encoder, one)
                : encodeBlock(encoder, one.status, one.fields);
            expect(decoder.decode(block, 0, block.length).fields).to.deep.equal(expected);
            expect(decoder.tableSize).to.equal(encoder.tableSize);
          }
        }
      }),
    );
  });

  it("stay in step past a list limit", () => {
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 10 }), (lists) => {
        const encoder = new HpackEncoder();
        const strict = new HpackDecoder(4096, {
          maxListBytes: 150,
          maxFields: 3,
          absoluteListBytes: 2 ** 20,
        });
        const roomy = roomyDecoder();
        for (const list of lists) {
          const block = encodeBlock(encoder, 0, list);
          const whole = roomy.decode(block, 0, block.length);
          const part = strict.decode(block, 0, block.length);
          expect(part.listBytes).to.equal(whole.listBytes);
          expect(part.fields).to.deep.equal(whole.fields.slice(0, part.fields.length));
          expect(part.overflow === null).to.equal(part.fields.length === whole.fields.length);
          expect(strict.tableSize).to.equal(roomy.tableSize);
        }
      }),
    );
  });

  it("answer any octets with fields or a named violation, never with another error", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
        const decoder = roomyDecoder();
        for (const block of blocks) {
          expect(violationOf(() => decoder.decode(block, 0, block.length))).to.match(
            /^(none|hpack-[a-z-]+)$/,
          );
        }
      }),
      { numRuns: 500 },
    );
  });
});
