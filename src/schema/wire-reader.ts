import { isUtf8 } from "node:buffer";
import protobuf from "protobufjs";

const EMPTY = Buffer.alloc(0);

/** Up to this many bytes, a loop over ASCII beats a call into C++ by far; longer texts V8 would keep in pieces. */
const SHORT_TEXT = 12;

/** Node's own decoder, which its declarations leave out; faster than `toString`. */
interface Utf8Buffer {
  utf8Slice(start: number, end: number): string;
}

/** protobufjs' reader, strict where it is lenient, and without views of the memory it reads from. */
export class WireReader extends protobuf.BufferReader {
  constructor() {
    super(EMPTY);
  }

  /** Begins to read other bytes. */
  open(bytes: Uint8Array): void {
    this.buf = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.pos = 0;
    this.len = bytes.length;
  }

  /** Lets go of the bytes. */
  close(): void {
    this.buf = EMPTY;
  }

  /** Begins to read something with its length in front; returns the end of what is around it, for {@link leave}. */
  enter(): number {
    const length = this.uint32();
    const outer = this.len;
    if (length > outer - this.pos) throw new RangeError("a length goes beyond the end of the message");
    this.len = this.pos + length;
    return outer;
  }

  leave(outer: number): void {
    this.len = outer;
  }

  /** Proto3 strings are UTF-8 or an error; the library cuts what is too short and replaces what is invalid. */
  override string(): string {
    const length = this.uint32();
    const start = this.pos;
    if (length > this.len - start) throw new RangeError("a string goes beyond the end of the message");
    this.pos = start + length;
    const short = length <= SHORT_TEXT ? this.ascii(start, this.pos) : undefined;
    if (short !== undefined) return short;
    const text = (this.buf as Uint8Array & Utf8Buffer).utf8Slice(start, this.pos);
    // The replacement character may have been sent as such: look closer only then.
    if (text.includes("\uFFFD") && !isUtf8(this.buf.subarray(start, this.pos))) {
      throw new TypeError("a string is not UTF-8");
    }
    return text;
  }

  /** Undefined when there is more than ASCII. */
  private ascii(start: number, end: number): string | undefined {
    const { buf } = this;
    let text = "";
    for (let at = start; at < end; at++) {
      const code = buf[at];
      if (code > 127) return undefined;
      text += String.fromCharCode(code);
    }
    return text;
  }

  override bytes(): Buffer {
    const length = this.uint32();
    const start = this.pos;
    if (length > this.len - start) throw new RangeError("a bytes field goes beyond the end of the message");
    this.pos = start + length;
    return length === 0 ? EMPTY : Buffer.from(this.buf.subarray(start, this.pos));
  }

  override int64(): protobuf.Long {
    this.checkVarint();
    return super.int64() as protobuf.Long;
  }

  override uint64(): protobuf.Long {
    this.checkVarint();
    return super.uint64() as protobuf.Long;
  }

  override sint64(): protobuf.Long {
    this.checkVarint();
    return super.sint64() as protobuf.Long;
  }

  /** The library takes a number that is cut off at the end of the message for a complete one. */
  private checkVarint(): void {
    const end = Math.min(this.pos + 10, this.len);
    for (let at = this.pos; at < end; at++) if (this.buf[at] < 0x80) return;
    throw new RangeError("a number has no end");
  }
}
