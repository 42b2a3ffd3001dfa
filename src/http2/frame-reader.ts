import { DEFAULT_MAX_FRAME_BYTES, FRAME_HEADER_BYTES, readUint31 } from "./frame.ts";
import { frameTooLarge, type Violation } from "./violations.ts";

/** Takes whole frames. `bytes[start, end)` is the payload; the memory is only lent. */
export interface FrameSink {
  recvFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
  recvBrokenFrame(violation: Violation): void;
}

const EMPTY = Buffer.alloc(0);

/**
 * Cuts the bytes of a connection into frames, whatever pieces they come in.
 *
 * A frame that lies whole in one piece is handed on where it lies. Only a frame cut by the end of a piece is
 * copied, into memory that grows with what has arrived and not with what its header announces.
 */
export class FrameReader {
  /** Bytes that wait: the beginning of a frame, or whole frames when the turn's budget was spent. */
  private held: Buffer = EMPTY;
  private heldBytes = 0;
  private stopped = false;
  /** While true no frame is handed on: the answers to the last ones still wait for the peer. */
  isHalted = false;

  constructor(private readonly sink: FrameSink) {}

  /** Whether whole frames may wait, so that {@link resume} has work. */
  get hasBacklog(): boolean {
    return this.heldBytes >= FRAME_HEADER_BYTES && this.heldBytes >= frameEnd(this.held, 0);
  }

  /** Nothing is parsed from now on: bytes behind a fatal error mean nothing. */
  stop(): void {
    this.stopped = true;
    this.held = EMPTY;
    this.heldBytes = 0;
  }

  /** Hands on at most `budget` frames and keeps the rest. Returns how many it handed on. */
  receive(bytes: Buffer, budget: number): number {
    if (this.heldBytes === 0) return this.readFrames(bytes, 0, bytes.length, budget);
    if (this.hasBacklog || this.isHalted) {
      this.hold(bytes, 0, bytes.length);
      return 0;
    }
    const taken = this.completeHeldFrame(bytes);
    if (taken < 0) return 0;
    return 1 + this.readFrames(bytes, taken, bytes.length, budget - 1);
  }

  /** Goes on with frames that were kept back. */
  resume(budget: number): number {
    const { held, heldBytes } = this;
    this.held = EMPTY;
    this.heldBytes = 0;
    return this.readFrames(held, 0, heldBytes, budget);
  }

  private readFrames(bytes: Buffer, from: number, to: number, budget: number): number {
    let at = from;
    let frames = 0;
    while (at + FRAME_HEADER_BYTES <= to && frames < budget && !this.stopped && !this.isHalted) {
      const end = frameEnd(bytes, at);
      if (end - at > FRAME_HEADER_BYTES + DEFAULT_MAX_FRAME_BYTES) {
        this.sink.recvBrokenFrame(frameTooLarge);
        return frames;
      }
      if (end > to) break;
      frames++;
      const payload = at + FRAME_HEADER_BYTES;
      this.sink.recvFrame(bytes[at + 3], bytes[at + 4], readUint31(bytes, at + 5), bytes, payload, end);
      at = end;
    }
    if (at < to && !this.stopped) this.hold(bytes, at, to);
    return frames;
  }

  /** Fills the held frame up from `bytes` and hands it on. Returns how many bytes it took, -1 when still not whole. */
  private completeHeldFrame(bytes: Buffer): number {
    let taken = 0;
    if (this.heldBytes < FRAME_HEADER_BYTES) {
      taken = Math.min(FRAME_HEADER_BYTES - this.heldBytes, bytes.length);
      this.hold(bytes, 0, taken);
      if (this.heldBytes < FRAME_HEADER_BYTES) return -1;
    }
    const end = frameEnd(this.held, 0);
    if (end > FRAME_HEADER_BYTES + DEFAULT_MAX_FRAME_BYTES) {
      this.sink.recvBrokenFrame(frameTooLarge);
      return -1;
    }
    const missing = Math.min(end - this.heldBytes, bytes.length - taken);
    this.hold(bytes, taken, taken + missing);
    taken += missing;
    if (this.heldBytes < end) return -1;
    const { held } = this;
    this.held = EMPTY;
    this.heldBytes = 0;
    this.sink.recvFrame(held[3], held[4], readUint31(held, 5), held, FRAME_HEADER_BYTES, end);
    return taken;
  }

  private hold(bytes: Buffer, from: number, to: number): void {
    const size = this.heldBytes + (to - from);
    if (size > this.held.length) {
      // Doubling keeps a frame that arrives byte by byte linear.
      const grown = Buffer.allocUnsafe(
        Math.max(size, Math.min(2 * this.held.length, DEFAULT_MAX_FRAME_BYTES)),
      );
      this.held.copy(grown, 0, 0, this.heldBytes);
      this.held = grown;
    }
    bytes.copy(this.held, this.heldBytes, from, to);
    this.heldBytes = size;
  }
}

function frameEnd(bytes: Buffer, at: number): number {
  return at + FRAME_HEADER_BYTES + ((bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]);
}
