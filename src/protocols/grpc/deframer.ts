import { GrowingBuffer } from "../shared/growing-buffer.ts";

/** Compressed flag and length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export const PREFIX_BYTES = 5;

/** Takes the messages of one direction of a call. */
export interface MessageSink {
  /** A whole message; the memory is only lent. */
  recvMessage(message: Uint8Array, isCompressed: boolean): void;
  /** The prefix says something that cannot be. Nothing follows. */
  recvBadPrefix(problem: BadPrefix, value: number): void;
  /** Tells how many bytes more (or less, when negative) are kept until a message is whole. */
  hold(bytes: number): void;
}

export type BadPrefix = "flag" | "length";

/**
 * Cuts the bytes of a body into messages. A message that lies whole in one piece is handed on where it lies; one that
 * comes in parts is gathered in memory that grows with what has arrived, whatever length its prefix announces.
 */
export class Deframer {
  private readonly held = new GrowingBuffer();
  private isPaused = false;
  private isBroken = false;

  constructor(
    private readonly sink: MessageSink,
    private readonly maxMessageBytes: number,
  ) {}

  /** True between two messages: a body may end here. */
  get isBetweenMessages(): boolean {
    return this.held.length === 0;
  }

  /** Keeps what arrives until {@link resume}. */
  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    if (this.held.length > 0) this.readHeld();
  }

  recv(bytes: Uint8Array): void {
    if (this.isBroken) return;
    const { held } = this;
    if (held.length === 0) {
      this.read(bytes);
      return;
    }
    this.keep(bytes);
    if (this.isPaused || held.length < PREFIX_BYTES) return;
    const prefix = held.bytes;
    // The prefix may have come in two parts, so it is judged here as well as in `read`.
    if (held.length < PREFIX_BYTES + readLength(prefix, 0) && !this.isBadPrefix(prefix, 0)) return;
    this.readHeld();
  }

  private readHeld(): void {
    const { bytes } = this.held;
    this.release();
    this.read(bytes);
  }

  /** Forgets everything that is kept. */
  stop(): void {
    this.isBroken = true;
    this.release();
  }

  private read(bytes: Uint8Array): void {
    let at = 0;
    while (!this.isPaused && !this.isBroken && bytes.length - at >= PREFIX_BYTES) {
      if (this.isBadPrefix(bytes, at)) {
        this.reportBadPrefix(bytes, at);
        return;
      }
      const start = at + PREFIX_BYTES;
      const end = start + readLength(bytes, at);
      if (end > bytes.length) break;
      this.sink.recvMessage(bytes.subarray(start, end), bytes[at] === 1);
      at = end;
    }
    if (at < bytes.length && !this.isBroken) this.keep(bytes.subarray(at));
  }

  private isBadPrefix(bytes: Uint8Array, at: number): boolean {
    return bytes[at] > 1 || readLength(bytes, at) > this.maxMessageBytes;
  }

  private reportBadPrefix(bytes: Uint8Array, at: number): void {
    this.stop();
    if (bytes[at] > 1) this.sink.recvBadPrefix("flag", bytes[at]);
    else this.sink.recvBadPrefix("length", readLength(bytes, at));
  }

  private keep(bytes: Uint8Array): void {
    this.held.append(bytes);
    this.sink.hold(bytes.length);
  }

  private release(): void {
    if (this.held.length > 0) this.sink.hold(-this.held.length);
    this.held.clear();
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 1] << 24) | (bytes[at + 2] << 16) | (bytes[at + 3] << 8) | bytes[at + 4]) >>> 0;
}

/** The prefix of a message of `length` bytes. */
export function messagePrefix(length: number, isCompressed: boolean): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  prefix[0] = isCompressed ? 1 : 0;
  prefix.writeUInt32BE(length, 1);
  return prefix;
}
