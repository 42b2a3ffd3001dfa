import { HpackDecoder } from "../../../src/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import { HpackError } from "../../../src/http2/hpack/errors.ts";

/** Octets of hexadecimal digits; white space is for the eye. */
export function octets(hex: string): Buffer {
  return Buffer.from(hex.replace(/\s/g, ""), "hex");
}

/** A decoder whose list limits no ordinary test meets. */
export function roomyDecoder(tableSize = 4096): HpackDecoder {
  return new HpackDecoder(tableSize, {
    maxListBytes: 2 ** 20,
    maxFields: 10_000,
    absoluteListBytes: 2 ** 20,
  });
}

/** The fields of a block given in hexadecimal. */
export function decodeHex(decoder: HpackDecoder, hex: string): readonly string[] {
  const block = octets(hex);
  return decoder.decode(block, 0, block.length).fields;
}

/** The name of the violation that `work` throws; "none" when it does not throw. */
export function violationOf(work: () => unknown): string {
  try {
    work();
    return "none";
  } catch (error) {
    if (error instanceof HpackError) return error.violation;
    throw error;
  }
}

/** The block that `encode` makes, which stands at an offset and is held against the promised bound. */
export function encodeBlock(encoder: HpackEncoder, status: number, fields: readonly string[]): Buffer {
  return written(HpackEncoder.bound(status, fields), (out) => encoder.encode(status, fields, out, 3));
}

export function encodeFixedBlock(
  encoder: HpackEncoder,
  section: { status: number; fields: readonly string[] },
): Buffer {
  const bound = HpackEncoder.bound(section.status, section.fields);
  return written(bound, (out) => encoder.encodeFixed(section, out, 3));
}

function written(bound: number, write: (out: Uint8Array) => number): Buffer {
  const out = Buffer.alloc(bound + 3);
  const end = write(out);
  if (end > out.length) throw new Error(`${end - 3} octets, but at most ${bound} were promised`);
  return out.subarray(3, end);
}

/** The dynamic table, newest first, read by decoding one index after the other. */
export function tableOf(decoder: HpackDecoder): string[] {
  const entries: string[] = [];
  for (let index = 62; ; index++) {
    const block = Buffer.of(0x80 | index);
    if (violationOf(() => entries.push(...decoder.decode(block, 0, 1).fields)) !== "none") return entries;
  }
}
