import type { AbortReason, ExchangeHandler, FieldSection, Peer } from "../exchange.ts";
import type { BandwidthEstimator } from "./bandwidth.ts";
import type { Http2Context } from "./context.ts";
import type { FloodGuards } from "./flood-guards.ts";
import { Flag, MAX_STREAM_ID, MAX_WINDOW } from "./frame.ts";
import type { HeaderAssembly } from "./header-assembly.ts";
import { HeaderBlocks, type StreamOpener } from "./header-blocks.ts";
import { Inflow } from "./inflow.ts";
import type { Http2Limits } from "./limits.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { Http2RequestHead } from "./request-head.ts";
import { canPromise, type Sender } from "./sender.ts";
import type { PeerSettings } from "./settings.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";
import * as state from "./stream-state.ts";
import { StreamState } from "./stream-state.ts";
import { StreamTable } from "./stream-table.ts";
import * as v from "./violations.ts";
import { ErrorCode, type Violation } from "./violations.ts";

/** What the streams tell their connection. */
export interface StreamsEvents {
  /** Something was written outside a read turn: it must be flushed. */
  wake(): void;
  /** Sends RST_STREAM. */
  reset(streamId: number, code: ErrorCode): void;
  /** A window was given back after much data: a good moment to measure. */
  sampleBandwidth(): void;
  /** The last stream is gone. */
  idle(): void;
  /** A handler or a receiver threw. */
  fault(error: unknown): void;
}

/** All streams of a connection: opens them, finds them, closes them, and keeps both windows of receiving. */
export class Streams implements StreamOwner, StreamOpener {
  /** We have seen the acknowledgement of our SETTINGS, so the peer knows the limit of streams. */
  limitIsKnown = false;
  private readonly limits: Http2Limits;
  private readonly budget: MemoryBudget;
  private readonly onExchange: ExchangeHandler;
  private readonly table: StreamTable;
  private readonly blocks: HeaderBlocks;
  private readonly inflow: Inflow;

  constructor(
    readonly peer: Peer,
    context: Http2Context,
    bandwidth: BandwidthEstimator,
    private readonly guards: FloodGuards,
    private readonly settings: PeerSettings,
    private readonly sender: Sender,
    private readonly events: StreamsEvents,
  ) {
    const { limits, budget, rejections, push, onExchange } = context;
    this.limits = limits;
    this.budget = budget;
    this.onExchange = onExchange;
    this.table = new StreamTable(limits, settings, push);
    this.blocks = new HeaderBlocks(limits, this.table, rejections, this);
    this.inflow = new Inflow(limits, budget, bandwidth, sender, () => events.sampleBandwidth());
  }

  /** The peer opens no more streams, and takes none. */
  recvGoAway(): void {
    this.table.promises.isOver = true;
  }

  /** The peer knows our limits from now on. */
  recvSettingsAck(): void {
    this.limitIsKnown = true;
    this.blocks.recvSettingsAck();
    this.inflow.recvSettingsAck();
  }

  /** Streams open now. */
  get size(): number {
    return this.table.size;
  }

  get lastPeerId(): number {
    return this.table.lastPeerId;
  }

  get lastAcceptedId(): number {
    return this.table.lastAcceptedId;
  }

  /** Our final GOAWAY names the last stream of now: nothing above it is taken any more. */
  acceptNoMore(): void {
    this.table.lastAcceptedId = this.table.lastPeerId;
  }

  // ── Opening ───────────────────────────────────────────────────────────────────────────────────────────────

  /** A whole header block arrived: a request, or the trailers of one. */
  recvHeaderBlock(block: HeaderAssembly): Violation | null {
    return this.blocks.recv(block);
  }

  /** RFC 9113 section 5.1.2, and what our own memory allows. */
  judgeLoad(): Violation | null {
    const violation = this.table.judgeCount();
    if (violation !== null) return violation;
    if (this.budget.isSpent) return v.memoryBudgetSpent;
    if (this.sender.queuedBytes > this.limits.connectionBufferBytes) return v.outputBacklog;
    return null;
  }

  open(streamId: number, head: Http2RequestHead, endStream: boolean): Http2Stream {
    const initial = endStream ? StreamState.halfClosedRemote : StreamState.open;
    const stream = new Http2Stream(this, streamId, head, initial, this.settings.initialWindowSize);
    this.table.add(stream);
    this.budget.add(head.keptBytes);
    this.sender.explainedFrames++;
    return stream;
  }

  serve(stream: Http2Stream, endStream: boolean): void {
    try {
      this.onExchange(stream);
    } catch (error) {
      this.recvFault(stream, error);
    }
    if (endStream && stream.isOpen) stream.recvEnd([]);
  }

  // ── Receiving ─────────────────────────────────────────────────────────────────────────────────────────────

  recvData(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Violation | null {
    if (streamId === 0) return v.streamIdZero;
    const length = end - start;
    let from = start;
    let to = end;
    if ((flags & Flag.PADDED) !== 0) {
      if (length === 0) return v.frameSizeWrong;
      if (bytes[start] >= length) return v.paddingTooLong;
      to -= bytes[start];
      from++;
    }
    if (!this.inflow.take(length)) return v.connectionWindowExceeded;
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if (from < to) this.guards.recvData();
    else if (!endStream) {
      const violation = this.guards.judgeEmptyData();
      if (violation !== null) return violation;
    }
    const stream = this.table.find(streamId);
    const violation = stream === undefined ? this.table.judgeAbsent(streamId) : state.judgeData(stream.state);
    if (violation !== null || stream === undefined) {
      this.inflow.returnToConnection(length);
      return violation;
    }
    return this.inflow.deliver(stream, bytes.subarray(from, to), length, endStream);
  }

  recvReset(streamId: number): Violation | null {
    const stream = this.table.find(streamId);
    if (stream === undefined) return this.table.isIdle(streamId) ? v.frameOnIdleStream : null;
    // Work that was done for nothing, or has only begun. A stream that has answered may well end by a cancel:
    // clients that watch something know no other end.
    const isCostly = stream.outboundBytes > 0 || (stream.working && !stream.hasAnswered);
    const violation = isCostly ? this.guards.judgeReset() : null;
    this.remove(stream, "ended");
    stream.recvAbort("reset-by-peer");
    return violation;
  }

  recvWindowUpdate(streamId: number, increment: number): Violation | null {
    const violation = this.guards.judgeGlitch(this.sender.explainedFrames);
    if (violation !== null) return violation;
    if (streamId === 0) {
      if (increment === 0) return v.connectionWindowUpdateZero;
      if (!this.sender.window.increase(increment)) return v.connectionWindowOverflow;
      this.sender.pump();
      return null;
    }
    if (this.table.isIdle(streamId)) return v.frameOnIdleStream;
    const stream = this.table.find(streamId);
    if (stream === undefined) return null;
    if (increment === 0) return v.windowUpdateZero;
    if (stream.sendWindow + increment > MAX_WINDOW) return v.windowOverflow;
    stream.sendWindow += increment;
    this.sender.enqueue(stream);
    this.sender.pump();
    return null;
  }

  /** A stream that is not open is left alone: what the frame says of it would have to be remembered. */
  recvUrgency(streamId: number, urgency: number): Violation | null {
    const stream = this.table.find(streamId);
    if (stream !== undefined) stream.urgency = urgency;
    // A request may be told its urgency before it comes; a push that was never promised has none (RFC 9218 section 7.1).
    return (streamId & 1) === 0 && this.table.isIdle(streamId) ? v.frameOnIdleStream : null;
  }

  /** The peer changed SETTINGS_INITIAL_WINDOW_SIZE: every open stream moves with it (RFC 9113 section 6.9.2). */
  shiftSendWindows(by: number): Violation | null {
    for (const stream of this.table.values()) {
      if (stream.sendWindow + by > MAX_WINDOW) return v.connectionWindowOverflow;
      stream.sendWindow += by;
      this.sender.enqueue(stream);
    }
    this.sender.pump();
    return null;
  }

  // ── What the streams ask for ──────────────────────────────────────────────────────────────────────────────

  returnWindow(stream: Http2Stream, bytes: number): void {
    this.inflow.recvConsumed(stream, bytes);
    this.events.wake();
  }

  sendHeaders(stream: Http2Stream, section: FieldSection, endStream: boolean): void {
    this.guards.forgivePings();
    stream.state = state.sendHeaders(stream.state);
    this.sender.sendHeaders(stream, section, endStream);
    if (endStream) this.sentEnd(stream);
    this.events.wake();
  }

  sendData(stream: Http2Stream, bytes: Uint8Array, more: Uint8Array | undefined): void {
    this.guards.forgivePings();
    this.sender.sendData(stream, bytes, more);
    this.events.wake();
  }

  sendEnd(stream: Http2Stream): void {
    this.sender.sendEnd(stream);
    this.events.wake();
  }

  sendReset(stream: Http2Stream, code: ErrorCode): void {
    this.resetOpen(stream, code);
    this.events.wake();
  }

  countKept(bytes: number): void {
    this.budget.add(bytes);
  }

  workEnded(stream: Http2Stream): void {
    this.table.workEnded(stream);
  }

  /**
   * Our side of a stream is over. When the peer's is not, it is asked to stop without prejudice: "A server MAY
   * request that the client abort transmission of a request without error by sending a RST_STREAM with an error
   * code of NO_ERROR after sending a complete response" (RFC 9113 section 8.1).
   */
  sentEnd(stream: Http2Stream): void {
    stream.state = state.sendEnd(stream.state);
    if (stream.state === StreamState.closed) {
      this.remove(stream, "ended");
      return;
    }
    this.resetOpen(stream, ErrorCode.NO_ERROR);
  }

  recvFault(stream: Http2Stream, error: unknown): void {
    this.events.fault(error);
    if (!stream.isOpen) return;
    this.resetOpen(stream, ErrorCode.INTERNAL_ERROR);
    // Whatever else the handler holds is let go of when it hears that the exchange is over.
    stream.recvAbort("refused");
    this.events.wake();
  }

  /** A push: the request the client would have sent, then the stream of its answer (RFC 9113 section 8.4). */
  push(parent: Http2Stream, path: string): boolean {
    const { scheme, authority } = parent.head;
    const pseudo = [":method", "GET", ":scheme", scheme, ":authority", authority, ":path", path];
    const isAllowed = (parent.id & 1) === 1 && this.lastAcceptedId === MAX_STREAM_ID && canPromise(pseudo);
    const promisedId = isAllowed ? this.table.promises.begin() : 0;
    if (promisedId === 0) return false;
    this.sender.sendPushPromise(parent.id, promisedId, pseudo);
    const head = new Http2RequestHead("GET", scheme, authority, path, [], -1, parent.head.urgency);
    const stream = new Http2Stream(
      this,
      promisedId,
      head,
      StreamState.reservedLocal,
      this.settings.initialWindowSize,
    );
    this.table.add(stream);
    this.budget.add(head.keptBytes);
    this.serve(stream, true);
    this.events.wake();
    return true;
  }

  // ── Closing ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Resets a stream over a violation of the peer. The stream may be one that never opened. */
  resetFor(violation: Violation, streamId: number): void {
    const stream = this.table.find(streamId);
    if (stream === undefined) {
      this.table.closed.addReset(streamId);
      this.events.reset(streamId, violation.code);
      return;
    }
    this.resetOpen(stream, violation.code);
    stream.recvAbort(violation.isOurs ? "refused" : "protocol-error");
  }

  /** RST_STREAM goes first: with the last stream of a drain the connection ends. */
  private resetOpen(stream: Http2Stream, code: ErrorCode): void {
    this.events.reset(stream.id, code);
    this.remove(stream, "reset");
  }

  /** The connection is about to end, and with it what its streams do. */
  cancelAll(): void {
    for (const stream of [...this.table.values()]) {
      this.resetOpen(stream, ErrorCode.CANCEL);
      stream.recvAbort("connection-lost");
    }
  }

  /** The connection is gone. */
  abortAll(reason: AbortReason): void {
    for (const stream of [...this.table.values()]) {
      this.remove(stream, "ended");
      stream.recvAbort(reason);
    }
  }

  findStalled(now: number, stallMs: number): Http2Stream[] {
    return this.table.findStalled(now, stallMs);
  }

  private remove(stream: Http2Stream, how: "ended" | "reset"): void {
    if (!this.table.remove(stream, how)) return;
    this.budget.add(-stream.head.keptBytes);
    if (stream.outboundBytes > 0) this.sender.forget(stream);
    stream.letGo();
    this.inflow.settle(stream);
    if (this.table.size === 0) this.events.idle();
  }
}
