import type { FieldSection } from "../exchange.ts";
import {
  DEFAULT_MAX_FRAME_BYTES,
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  writeFrameHeader,
  writeUint32,
} from "./frame.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import type { Http2Limits } from "./limits.ts";
import type { Output } from "./output.ts";
import type { PeerSettings } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import type { ErrorCode } from "./violations.ts";
import { SendWindow } from "./window.ts";

/** Urgencies of RFC 9218, most urgent first. */
const URGENCIES = 8;
/** Whatever the peer allows: the streams of a connection take turns by frames, and a socket is seen to move by them. */
const MOST_DATA_BYTES = 64 * 1024;
/** So many reset streams may lie in the queues before they are looked through. */
const MAX_FORGOTTEN = 64;

/** What the sender tells its connection. */
export interface SenderEvents {
  /** END_STREAM has left: our side of the stream is over. */
  sentEnd(stream: Http2Stream): void;
  /** Everything the stream had queued is on its way. */
  drained(stream: Http2Stream): void;
  /** Much is gathered: it should leave before the turn ends. */
  flush(): void;
}

/**
 * Turns what streams send into frames: within the windows, with the socket's consent, and fairly.
 *
 * DATA goes straight into the output while both windows have room. What does not fit waits in its stream, and
 * streams that wait take turns of one frame. Among them the more urgent go first (RFC 9218); its "incremental"
 * flag is not followed, since to serve one stream to its end lets a long RPC starve its neighbours.
 */
export class Sender {
  readonly encoder: HpackEncoder;
  readonly window = new SendWindow(65_535);
  /** The socket is full: DATA waits until it drains. */
  isBlocked = false;
  /** HEADERS written while the socket was full. No window holds them back, so they count as control frames
   * do, and long ones several times. */
  headersBehind = 0;
  /** How many PRIORITY and WINDOW_UPDATE frames all that was served so far explains: one for each stream, a few for each
   * DATA frame, and one for each 256 bytes. */
  explainedFrames = 0;
  /** Unsent body bytes of all streams. */
  queuedBytes = 0;
  private readonly queues: Http2Stream[][] = [];
  private queuedStreams = 0;
  /** Of them, those that were reset while they waited. */
  private forgottenStreams = 0;
  private isPumping = false;

  constructor(
    private readonly output: Output,
    private readonly peerSettings: PeerSettings,
    limits: Http2Limits,
    private readonly events: SenderEvents,
    /** Told of bytes that begin to wait, and of those (negative) that wait no longer. */
    private readonly countUnsent: (bytes: number) => void = () => {},
  ) {
    this.encoder = new HpackEncoder(limits.maxEncoderTableBytes);
  }

  get hasQueued(): boolean {
    return this.queuedStreams > 0;
  }

  sendHeaders(stream: Http2Stream, section: FieldSection, endStream: boolean): void {
    const { output, encoder } = this;
    const bound = HpackEncoder.bound(section.status, section.fields);
    if (this.isBlocked) this.headersBehind += 1 + (bound >> 8);
    // The peer takes frames of this size whatever its settings, and the output has room for one.
    if (bound > DEFAULT_MAX_FRAME_BYTES) {
      this.sendLongHeaders(stream.id, section, bound, endStream);
      return;
    }
    const at = output.reserve(FRAME_HEADER_BYTES + bound);
    const { buffer } = output;
    const block = at + FRAME_HEADER_BYTES;
    const end = section.fixed
      ? encoder.encodeFixed(section, buffer, block)
      : encoder.encode(section.status, section.fields, buffer, block);
    const flags = endStream ? Flag.END_HEADERS | Flag.END_STREAM : Flag.END_HEADERS;
    writeFrameHeader(buffer, at, end - block, FrameType.HEADERS, flags, stream.id);
    output.trim(end);
  }

  /** A header block that may not fit into one frame: HEADERS, then CONTINUATION (RFC 9113 section 6.10). */
  private sendLongHeaders(streamId: number, section: FieldSection, bound: number, endStream: boolean): void {
    const block = Buffer.allocUnsafe(bound);
    const length = this.encoder.encode(section.status, section.fields, block, 0);
    const step = this.peerSettings.maxFrameSize;
    for (let at = 0; at < length; at += step) {
      const end = Math.min(at + step, length);
      const type = at === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
      const endFlag = at === 0 && endStream ? Flag.END_STREAM : 0;
      const flags = end === length ? Flag.END_HEADERS | endFlag : endFlag;
      this.sendFrame(type, flags, streamId, block.subarray(at, end));
    }
  }

  sendPushPromise(streamId: number, promisedId: number, fields: readonly string[]): void {
    const block = Buffer.allocUnsafe(HpackEncoder.bound(0, fields) + 4);
    writeUint32(block, 0, promisedId);
    const end = this.encoder.encode(0, fields, block, 4);
    this.sendFrame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, streamId, block.subarray(0, end));
  }

  sendReset(streamId: number, code: ErrorCode): void {
    this.sendUint32(FrameType.RST_STREAM, streamId, code);
  }

  sendWindowUpdate(streamId: number, increment: number): void {
    this.sendUint32(FrameType.WINDOW_UPDATE, streamId, increment);
  }

  private sendUint32(type: number, streamId: number, value: number): void {
    const at = this.output.reserve(FRAME_HEADER_BYTES + 4);
    const { buffer } = this.output;
    writeFrameHeader(buffer, at, 4, type, 0, streamId);
    writeUint32(buffer, at + FRAME_HEADER_BYTES, value);
  }

  sendFrame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const at = this.output.reserve(FRAME_HEADER_BYTES);
    writeFrameHeader(this.output.buffer, at, payload.length, type, flags, streamId);
    this.output.append(payload);
  }

  // ── DATA ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends `bytes` and `more` behind them, now as far as may be and the rest later. */
  sendData(stream: Http2Stream, bytes: Uint8Array, more: Uint8Array | undefined): void {
    const length = bytes.length + (more?.length ?? 0);
    if (length === 0) return;
    // What is written from within `pump` (onDrain) takes its turn behind the streams that wait already.
    if (stream.outboundBytes === 0 && !this.isPumping && length <= this.allowance(stream)) {
      this.frameWhole(stream, bytes, more, length);
      return;
    }
    stream.outbound ??= [];
    if (bytes.length > 0) stream.outbound.push(bytes);
    if (more !== undefined && more.length > 0) stream.outbound.push(more);
    stream.outboundBytes += length;
    this.addQueued(length);
    this.enqueue(stream);
    this.pump();
  }

  /** The stream's `endsWith` is set: sends it now, or behind what is queued. */
  sendEnd(stream: Http2Stream): void {
    if (stream.outboundBytes > 0) return;
    const { endsWith } = stream;
    if (endsWith === true) this.sendFrame(FrameType.DATA, Flag.END_STREAM, stream.id, NOTHING);
    else if (endsWith !== null) this.sendHeaders(stream, endsWith, true);
    this.events.sentEnd(stream);
  }

  /** The bytes a single DATA frame of this stream may have now. */
  private allowance(stream: Http2Stream): number {
    if (this.isBlocked) return 0;
    return Math.min(
      this.window.available,
      stream.sendWindow,
      this.peerSettings.maxFrameSize,
      MOST_DATA_BYTES,
    );
  }

  private frameWhole(
    stream: Http2Stream,
    bytes: Uint8Array,
    more: Uint8Array | undefined,
    length: number,
  ): void {
    this.spend(stream, length);
    const at = this.output.reserve(FRAME_HEADER_BYTES);
    writeFrameHeader(this.output.buffer, at, length, FrameType.DATA, 0, stream.id);
    this.output.append(bytes);
    if (more !== undefined) this.output.append(more);
    if (this.output.isLarge) this.events.flush();
  }

  private spend(stream: Http2Stream, bytes: number): void {
    this.window.available -= bytes;
    stream.sendWindow -= bytes;
    this.explainedFrames += 4 + bytes / 256;
  }

  private addQueued(bytes: number): void {
    this.queuedBytes += bytes;
    this.countUnsent(bytes);
  }

  /** The stream is gone: drops its unsent bytes. */
  forget(stream: Http2Stream): void {
    this.addQueued(-stream.outboundBytes);
    stream.outboundBytes = 0;
    stream.outbound = null;
    if (stream.isQueued && ++this.forgottenStreams > MAX_FORGOTTEN) this.dropForgotten();
  }

  /** Else a peer that keeps its window closed, and opens and resets streams, would fill the queues without end. */
  private dropForgotten(): void {
    if (this.isPumping || this.forgottenStreams * 2 < this.queuedStreams) return;
    this.forgottenStreams = 0;
    this.queuedStreams = 0;
    for (const [urgency, queue] of this.queues.entries()) {
      if (queue === undefined) continue;
      const waiting = queue.filter(({ outboundBytes }) => outboundBytes > 0);
      this.queues[urgency] = waiting;
      this.queuedStreams += waiting.length;
    }
  }

  /** Puts a stream with unsent bytes into its queue; without effect when it is there, or may not send. */
  enqueue(stream: Http2Stream): void {
    if (stream.isQueued || stream.outboundBytes === 0 || stream.sendWindow <= 0) return;
    stream.isQueued = true;
    this.queuedStreams++;
    this.queues[stream.urgency] ??= [];
    this.queues[stream.urgency].push(stream);
  }

  /** Lets the waiting streams send, a frame each in turn, until a window or the socket is full. */
  pump(): void {
    // A receiver that writes as soon as its stream has drained is served by the loop that drained it.
    if (this.isPumping) return;
    this.isPumping = true;
    while (this.queuedStreams > 0 && !this.isBlocked && this.window.available > 0) {
      for (let urgency = 0; urgency < URGENCIES; urgency++) {
        const queue = this.queues[urgency];
        if (queue === undefined || queue.length === 0) continue;
        this.sendTurn(queue);
        break;
      }
      if (this.output.isLarge) this.events.flush();
    }
    this.isPumping = false;
  }

  private sendTurn(queue: Http2Stream[]): void {
    const turns = queue.splice(0);
    for (const stream of turns) {
      stream.isQueued = false;
      this.queuedStreams--;
      // Reset meanwhile: its bytes are gone.
      if (stream.outboundBytes === 0) {
        this.forgottenStreams--;
        continue;
      }
      this.frameQueued(stream);
      if (stream.outboundBytes > 0) this.enqueue(stream);
      else this.finish(stream);
    }
  }

  private frameQueued(stream: Http2Stream): void {
    const length = Math.min(this.allowance(stream), stream.outboundBytes);
    if (length <= 0) return;
    this.spend(stream, length);
    const at = this.output.reserve(FRAME_HEADER_BYTES);
    writeFrameHeader(this.output.buffer, at, length, FrameType.DATA, 0, stream.id);
    this.takeQueued(stream, length);
    this.addQueued(-length);
  }

  /** Moves `length` bytes from the stream's queue to the output. */
  private takeQueued(stream: Http2Stream, length: number): void {
    const pieces = stream.outbound as Uint8Array[];
    let rest = length;
    let whole = 0;
    while (rest > 0) {
      const piece = pieces[whole];
      const from = stream.outboundOffset;
      const count = Math.min(rest, piece.length - from);
      this.output.append(piece.subarray(from, from + count));
      rest -= count;
      stream.outboundOffset = from + count;
      if (stream.outboundOffset < piece.length) break;
      stream.outboundOffset = 0;
      whole++;
    }
    if (whole > 0) pieces.splice(0, whole);
    stream.outboundBytes -= length;
  }

  private finish(stream: Http2Stream): void {
    if (stream.endsWith !== null) this.sendEnd(stream);
    else if (stream.needsDrain) {
      stream.needsDrain = false;
      this.events.drained(stream);
    }
  }
}

/** Whether a promise of these request fields fits into one frame, which is all we make of it. */
export function canPromise(fields: readonly string[]): boolean {
  return HpackEncoder.bound(0, fields) + 4 <= DEFAULT_MAX_FRAME_BYTES;
}

const NOTHING = new Uint8Array(0);
