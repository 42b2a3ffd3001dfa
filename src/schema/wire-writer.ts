/** 64 bits as two halves. */
export interface Bits {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

/** Node's own encoder, which its declarations leave out; faster than `write`. */
interface Utf8Buffer {
  utf8Write(text: string, offset: number, length?: number): number;
}

/** Room for most messages; more is handed over with the message, so that no large buffer is kept. */
const ROOM_BYTES = 16 * 1024;
/** Up to this many characters, a loop over ASCII beats a call into C++; also, the length stays one byte. */
const SHORT_TEXT = 40;
/** Up to this many bytes, a loop beats a call into C++. */
const SHORT_COPY = 48;

/**
 * Writes the wire format into one buffer, front to back. protobufjs' writer makes a list of closures first, and takes
 * twice as long for a small message.
 */
export class WireWriter {
  private buffer = Buffer.allocUnsafeSlow(ROOM_BYTES);
  private position = 0;
  /** Where each open {@link fork} has its length. */
  private readonly forks: number[] = [];

  /** Forgets what a failed message left. */
  reset(): void {
    this.position = 0;
    this.forks.length = 0;
  }

  uint32(value: number): this {
    this.reserve(5);
    this.putVarint(value);
    return this;
  }

  /** Negative numbers take ten bytes, as if they had 64 bits. */
  int32(value: number): this {
    return value >= 0 ? this.uint32(value) : this.int64({ low: value, high: -1, unsigned: false });
  }

  sint32(value: number): this {
    return this.uint32(((value << 1) ^ (value >> 31)) >>> 0);
  }

  int64({ low, high }: Bits): this {
    this.reserve(10);
    const { buffer } = this;
    let [lo, hi] = [low >>> 0, high >>> 0];
    while (hi !== 0) {
      buffer[this.position++] = (lo & 127) | 128;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    this.putVarint(lo);
    return this;
  }

  uint64(value: Bits): this {
    return this.int64(value);
  }

  sint64({ low, high }: Bits): this {
    const sign = high >> 31;
    return this.int64({ low: (low << 1) ^ sign, high: ((high << 1) | (low >>> 31)) ^ sign, unsigned: true });
  }

  fixed32(value: number): this {
    this.reserve(4);
    this.position = this.buffer.writeInt32LE(value | 0, this.position);
    return this;
  }

  sfixed32(value: number): this {
    return this.fixed32(value);
  }

  fixed64({ low, high }: Bits): this {
    return this.fixed32(low).fixed32(high);
  }

  sfixed64(value: Bits): this {
    return this.fixed64(value);
  }

  float(value: number): this {
    this.reserve(4);
    this.position = this.buffer.writeFloatLE(value, this.position);
    return this;
  }

  double(value: number): this {
    this.reserve(8);
    this.position = this.buffer.writeDoubleLE(value, this.position);
    return this;
  }

  bool(value: boolean): this {
    return this.uint32(value ? 1 : 0);
  }

  string(text: string): this {
    const { length } = text;
    if (length > SHORT_TEXT) {
      const byteLength = Buffer.byteLength(text);
      this.uint32(byteLength).reserve(byteLength);
      this.position += this.utf8(text, this.position);
      return this;
    }
    this.reserve(1 + 3 * length);
    const { buffer } = this;
    const start = this.position + 1;
    let written = 0;
    for (; written < length; written++) {
      const code = text.charCodeAt(written);
      if (code > 127) break;
      buffer[start + written] = code;
    }
    if (written < length) written = this.utf8(text, start);
    buffer[start - 1] = written;
    this.position = start + written;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.uint32(value.length).reserve(value.length);
    this.buffer.set(value, this.position);
    this.position += value.length;
    return this;
  }

  /** Begins something with its length in front. */
  fork(): this {
    this.reserve(1);
    this.forks.push(this.position++);
    return this;
  }

  /** Ends it. One byte was left for the length; what is longer moves on. */
  ldelim(): this {
    const at = this.forks.pop()!;
    const length = this.position - at - 1;
    const extra =
      length < 0x80 ? 0 : length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
    if (extra > 0) {
      this.reserve(extra);
      this.buffer.copyWithin(at + 1 + extra, at + 1, this.position);
    }
    this.position = at;
    this.putVarint(length);
    this.position += length;
    return this;
  }

  /** The message, in memory that is the caller's from now on. */
  finish(): Buffer {
    const { buffer, position } = this;
    this.position = 0;
    if (buffer.length > ROOM_BYTES) {
      this.buffer = Buffer.allocUnsafeSlow(ROOM_BYTES);
      return buffer.subarray(0, position);
    }
    const message = Buffer.allocUnsafe(position);
    if (position > SHORT_COPY) buffer.copy(message, 0, 0, position);
    else for (let i = 0; i < position; i++) message[i] = buffer[i];
    return message;
  }

  private utf8(text: string, offset: number): number {
    return (this.buffer as unknown as Utf8Buffer).utf8Write(text, offset);
  }

  /** Up to 32 bits; there is room. */
  private putVarint(value: number): void {
    const { buffer } = this;
    let rest = value;
    while (rest > 127) {
      buffer[this.position++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    buffer[this.position++] = rest;
  }

  private reserve(bytes: number): void {
    const needed = this.position + bytes;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed + 1024, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }
}
