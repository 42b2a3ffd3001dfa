import { type Clock, noTimer, type Timer } from "./clock.ts";
import { Flag, readUint31 } from "./frame.ts";
import type { Http2Limits } from "./limits.ts";
import {
  headerListWayTooLarge,
  paddingTooLong,
  selfDependency,
  streamIdZero,
  tooManyContinuations,
  unexpectedContinuation,
  type Violation,
} from "./violations.ts";

const PRIORITY_BYTES = 5;
const NOTHING = Buffer.alloc(0);

/** Gathers one header block from HEADERS and CONTINUATION (RFC 9113 sections 6.2, 6.10). */
export class HeaderAssembly {
  /** The stream whose block is being gathered; 0 when none is. */
  streamId = 0;
  endStream = false;
  /** Found with the priority in HEADERS; told once the block is decoded, so that HPACK stays in step. */
  streamViolation: Violation | null = null;
  /** The whole block is `block[start, end)` once `recvHeaders` or `recvContinuation` has said so. */
  block: Buffer = NOTHING;
  start = 0;
  end = 0;
  isComplete = false;
  private parts: Buffer[] = [];
  private continuations = 0;

  private timer: Timer = noTimer;

  constructor(
    private readonly clock: Clock,
    private readonly limits: Http2Limits,
    /** The end of a block is too long in coming. */
    private readonly onTimeout: () => void,
  ) {}

  get isOpen(): boolean {
    return this.streamId !== 0 && !this.isComplete;
  }

  recvHeaders(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Violation | null {
    if (streamId === 0) return streamIdZero;
    let from = start;
    let to = end;
    if ((flags & Flag.PADDED) !== 0) {
      if (from === to || bytes[from] >= to - from) return paddingTooLong;
      to -= bytes[from];
      from++;
    }
    this.streamViolation = null;
    if ((flags & Flag.PRIORITY) !== 0) {
      if (to - from < PRIORITY_BYTES) return paddingTooLong;
      // Priorities of RFC 7540 are not followed; that a stream cannot depend on itself still holds.
      if (readUint31(bytes, from) === streamId) this.streamViolation = selfDependency;
      from += PRIORITY_BYTES;
    }
    this.streamId = streamId;
    this.endStream = (flags & Flag.END_STREAM) !== 0;
    this.continuations = 0;
    if ((flags & Flag.END_HEADERS) !== 0) {
      this.complete(bytes, from, to);
    } else {
      this.isComplete = false;
      this.timer = this.clock.after(this.limits.headerBlockTimeoutMs, this.onTimeout);
      this.parts = [Buffer.from(bytes.subarray(from, to))];
      this.end = to - from;
    }
    return null;
  }

  recvContinuation(
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): Violation | null {
    if (!this.isOpen || streamId !== this.streamId) return unexpectedContinuation;
    if (++this.continuations > this.limits.maxContinuationFrames) return tooManyContinuations;
    this.end += end - start;
    if (this.end > this.limits.maxHeaderBlockBytes) return headerListWayTooLarge;
    this.parts.push(Buffer.from(bytes.subarray(start, end)));
    if ((flags & Flag.END_HEADERS) !== 0) {
      const whole = Buffer.concat(this.parts);
      this.parts = [];
      this.stop();
      this.complete(whole, 0, whole.length);
    }
    return null;
  }

  /** Lets go of the block: a reference to it would keep the socket's buffer alive for as long as the connection idles. */
  release(): void {
    this.block = NOTHING;
  }

  stop(): void {
    this.timer.cancel();
    this.timer = noTimer;
  }

  private complete(block: Buffer, start: number, end: number): void {
    this.block = block;
    this.start = start;
    this.end = end;
    this.isComplete = true;
  }
}
