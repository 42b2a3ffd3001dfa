import { HpackError } from "./errors.ts";

/**
 * The code lengths in bits of RFC 7541 Appendix B, symbols 0 … 255. The code is canonical (codes of one length count
 * up with the symbol, shorter ones come first), so the lengths are all there is to know.
 */
// biome-ignore format: 16 symbols a row show which is which
const LENGTHS = Uint8Array.of(
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
);

/** The longest code, which is also that of EOS: thirty ones. */
const MAX_LENGTH = 30;
const CODES = makeCodes();

function makeCodes(): Int32Array {
  const codes = new Int32Array(256);
  let next = 0;
  for (let length = 1; length <= MAX_LENGTH; length++) {
    next *= 2;
    for (let symbol = 0; symbol < 256; symbol++) if (LENGTHS[symbol] === length) codes[symbol] = next++;
  }
  return codes;
}

// ── Decoding ────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The decoder is a state machine that eats four bits a step. Its states are the inner nodes of the code tree; 257
 * leaves make exactly 256 of them. The shortest code has five bits, so a step ends at most one symbol.
 *
 * STEPS[state * 16 + bits]: bits 0-7 the next state, 8-15 the symbol, then two flags. 16 KiB, small enough to stay
 * in the processor's first cache, which a table of whole octets (256 KiB) is not.
 */
const STEPS = new Int32Array(256 * 16);
const EMIT_SHIFT = 16;
const EMIT = 1 << EMIT_SHIFT;
const EOS = 1 << 17;

/** PADDING[state] is 1 where a string may end: after at most seven bits, all ones (RFC 7541 section 5.2). */
const PADDING = new Uint8Array(256);

fillTables();

function fillTables(): void {
  // A child is an inner node (its number) or, as a negative number, a leaf: -1 - symbol.
  const children: [number, number][] = [[0, 0]];
  for (let symbol = 0; symbol < 256; symbol++) addLeaf(children, CODES[symbol], LENGTHS[symbol], symbol);
  addLeaf(children, 2 ** MAX_LENGTH - 1, MAX_LENGTH, 256);
  for (let state = 0; state < 256; state++) {
    for (let bits = 0; bits < 16; bits++) STEPS[state * 16 + bits] = makeStep(children, state, bits);
  }
  let node = 0;
  for (let depth = 0; depth < 8; depth++) {
    PADDING[node] = 1;
    node = children[node][1];
  }
}

function addLeaf(children: [number, number][], code: number, length: number, symbol: number): void {
  let node = 0;
  for (let depth = length - 1; depth > 0; depth--) {
    const bit = (code >>> depth) & 1;
    if (children[node][bit] === 0) {
      children[node][bit] = children.length;
      children.push([0, 0]);
    }
    node = children[node][bit];
  }
  children[node][code & 1] = -1 - symbol;
}

function makeStep(children: readonly [number, number][], from: number, bits: number): number {
  let node = from;
  let flags = 0;
  for (let depth = 3; depth >= 0; depth--) {
    const child = children[node][(bits >>> depth) & 1];
    node = Math.max(child, 0);
    if (child === -257) flags |= EOS;
    else if (child < 0) flags |= EMIT | ((-1 - child) << 8);
  }
  return node | flags;
}

/** Bytes of room that {@link decodeHuffman} needs for `octets` of input: 5 bits make a symbol, and one is spare. */
export function huffmanRoom(octets: number): number {
  return Math.ceil((octets * 8) / 5) + 1;
}

/**
 * Decodes a Huffman string into `out`, which must have {@link huffmanRoom}, and returns its length. Each octet is
 * read once and costs two look-ups, whatever it is (CVE-2022-41723 was a decoder that took quadratic time).
 * Throws {@link HpackError} for EOS within the string, padding longer than seven bits and padding that is not all
 * ones (RFC 7541 section 5.2).
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let length = 0;
  let state = 0;
  let flags = 0;
  for (let i = start; i < end; i++) {
    const octet = bytes[i];
    // Always stores the symbol and moves on only when there was one: cheaper than a branch that cannot be foreseen.
    const high = STEPS[(state << 4) | (octet >>> 4)];
    out[length] = high >>> 8;
    length += (high >>> EMIT_SHIFT) & 1;
    const low = STEPS[((high & 0xff) << 4) | (octet & 0xf)];
    out[length] = low >>> 8;
    length += (low >>> EMIT_SHIFT) & 1;
    flags |= high | low;
    state = low & 0xff;
  }
  if ((flags & EOS) !== 0) throw new HpackError("hpack-huffman-eos");
  if (PADDING[state] === 0) throw new HpackError("hpack-huffman-padding");
  return length;
}

// ── Encoding ────────────────────────────────────────────────────────────────────────────────────────────────

/** The octets that `text` takes as a Huffman string. Only the low eight bits of a character count. */
export function huffmanLength(text: string): number {
  let bits = 7;
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i) & 0xff];
  return Math.floor(bits / 8);
}

/** Writes `text` Huffman coded and returns the offset behind it. Only the low eight bits of a character count. */
export function writeHuffman(out: Uint8Array, offset: number, text: string): number {
  let at = offset;
  // The lowest `pending` bits of `held` are yet to be written, fewer than eight between two characters. Bits above
  // them have been written and may be shifted out.
  let held = 0;
  let pending = 0;
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i) & 0xff;
    let length = LENGTHS[octet];
    const code = CODES[octet];
    if (length > 24) {
      // 30 bits and 7 pending ones do not fit into 32: the first part goes ahead.
      held = (held << (length - 16)) | (code >>> 16);
      pending += length - 16;
      length = 16;
      while (pending >= 8) {
        pending -= 8;
        out[at++] = held >>> pending;
      }
      held = (held << 16) | (code & 0xffff);
    } else {
      held = (held << length) | code;
    }
    pending += length;
    while (pending >= 8) {
      pending -= 8;
      out[at++] = held >>> pending;
    }
  }
  if (pending > 0) out[at++] = (held << (8 - pending)) | (0xff >>> pending);
  return at;
}
