import { HpackError } from "./errors.ts";
import { decodeHuffman, huffmanRoom } from "./huffman.ts";
import { IntegerReader } from "./integer.ts";
import { textOf } from "./text.ts";

/** Decoded Huffman strings lie here until they are made into text. One for all: decoding never pauses. */
let scratch: Uint8Array = Buffer.allocUnsafeSlow(1024);

const NOTHING = new Uint8Array(0);

/**
 * Reads a header block. A string literal is read in two steps, {@link locateString} and {@link text}, so that one
 * nobody wants is checked and measured without being made.
 */
export class BlockReader extends IntegerReader {
  private octets: Uint8Array = NOTHING;
  private octetsStart = 0;
  private octetsEnd = 0;

  constructor() {
    super(NOTHING, 0, 0);
  }

  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Lets go of the block: a reference would keep a whole socket buffer alive. */
  close(): void {
    this.bytes = NOTHING;
    this.octets = NOTHING;
  }

  /**
   * Reads past a string literal (RFC 7541 section 5.2) and returns its decoded length in octets. Throws
   * {@link HpackError}. The announced length is held against the octets present before anything is allocated.
   */
  locateString(): number {
    if (this.at >= this.end) throw new HpackError("hpack-truncated");
    const isHuffman = this.bytes[this.at] >= 0x80;
    const length = this.readInteger(0x7f);
    const start = this.at;
    if (length > this.end - start) throw new HpackError("hpack-truncated");
    this.at = start + length;
    if (!isHuffman) {
      this.octets = this.bytes;
      this.octetsStart = start;
      this.octetsEnd = this.at;
      return length;
    }
    const room = huffmanRoom(length);
    if (room > scratch.length) scratch = Buffer.allocUnsafeSlow(Math.max(room, scratch.length * 2));
    this.octets = scratch;
    this.octetsStart = 0;
    this.octetsEnd = decodeHuffman(this.bytes, start, this.at, scratch);
    return this.octetsEnd;
  }

  /** The string located last. */
  text(): string {
    return textOf(this.octets, this.octetsStart, this.octetsEnd);
  }
}
