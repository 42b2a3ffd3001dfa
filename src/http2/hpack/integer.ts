import { HpackError } from "./errors.ts";

/** No index, length or table size of a sound peer comes near; it also keeps every value a small integer. */
export const MAX_INTEGER = 2 ** 31 - 1;

/** Enough for 31 bits. A peer may pad an integer with zero bits, and without this bound it could do so for ever. */
const MAX_CONTINUATION_OCTETS = 5;

/** The most octets that {@link writeInteger} writes. */
export const MAX_INTEGER_OCTETS = 1 + MAX_CONTINUATION_OCTETS;

/** A place in a block of octets that moves forward as it is read. */
export class IntegerReader {
  bytes: Uint8Array;
  at: number;
  end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /**
   * Reads an integer (RFC 7541 section 5.1). `mask` is the prefix, all ones: 0x1f for one of 5 bits.
   * Throws {@link HpackError} when the block ends within it or the value is beyond {@link MAX_INTEGER}.
   */
  readInteger(mask: number): number {
    if (this.at >= this.end) throw new HpackError("hpack-truncated");
    const prefix = this.bytes[this.at++] & mask;
    return prefix < mask ? prefix : this.readContinuation(mask);
  }

  private readContinuation(prefix: number): number {
    let value = prefix;
    let factor = 1;
    for (let i = 0; i < MAX_CONTINUATION_OCTETS; i++) {
      if (this.at >= this.end) throw new HpackError("hpack-truncated");
      const octet = this.bytes[this.at++];
      // A product, not a shift: the fifth octet reaches beyond 32 bits.
      value += (octet & 0x7f) * factor;
      if (value > MAX_INTEGER) break;
      if (octet < 0x80) return value;
      factor *= 128;
    }
    throw new HpackError("hpack-integer-overflow");
  }
}

/**
 * Writes an integer of 0 … 2^31-1 (RFC 7541 section 5.1) and returns the offset behind it. `pattern` holds the bits
 * above the prefix, `mask` is the prefix, all ones.
 */
export function writeInteger(
  out: Uint8Array,
  offset: number,
  pattern: number,
  mask: number,
  value: number,
): number {
  let at = offset;
  if (value < mask) {
    out[at++] = pattern | value;
    return at;
  }
  out[at++] = pattern | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    out[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}
