import type {
  AbortCode,
  AbortReason,
  Exchange,
  ExchangeReceiver,
  FieldList,
  FieldSection,
  Peer,
} from "../exchange.ts";
import { InboundBuffer } from "./inbound-buffer.ts";
import type { Http2RequestHead } from "./request-head.ts";
import * as state from "./stream-state.ts";
import { StreamState } from "./stream-state.ts";
import { contentLengthMismatch, ErrorCode, type Violation } from "./violations.ts";
import type { ReceiveWindow } from "./window.ts";

/** What a stream asks of its connection. */
export interface StreamOwner {
  readonly peer: Peer;
  sendHeaders(stream: Http2Stream, section: FieldSection, endStream: boolean): void;
  sendData(stream: Http2Stream, bytes: Uint8Array, more: Uint8Array | undefined): void;
  sendEnd(stream: Http2Stream): void;
  sendReset(stream: Http2Stream, code: ErrorCode): void;
  /** Gives `bytes` of a paused stream's body back to the windows. */
  returnWindow(stream: Http2Stream, bytes: number): void;
  countKept(bytes: number): void;
  workEnded(stream: Http2Stream): void;
  /** The receiver threw. */
  recvFault(stream: Http2Stream, error: unknown): void;
  push(stream: Http2Stream, path: string): boolean;
}

const NO_TRAILERS: FieldList = [];
/** A peer that takes less than this while a stall lasts takes it byte by byte, to hold memory (CVE-2026-49975). */
const LEAST_PROGRESS_BYTES = 1024;

const RESET_CODES: Record<AbortCode, ErrorCode> = {
  cancel: ErrorCode.CANCEL,
  internal: ErrorCode.INTERNAL_ERROR,
  refused: ErrorCode.REFUSED_STREAM,
  "no-error": ErrorCode.NO_ERROR,
  protocol: ErrorCode.PROTOCOL_ERROR,
  calm: ErrorCode.ENHANCE_YOUR_CALM,
};

/** One HTTP/2 stream. It is the exchange itself, so that a call costs one object here and not three. */
export class Http2Stream implements Exchange {
  receiver: ExchangeReceiver | null = null;
  state: StreamState;
  aborted = false;
  requestEnded = false;

  /** Made when the first DATA arrives that does not end the stream. */
  receiveWindow: ReceiveWindow | null = null;
  private receivedBytes = 0;
  private paused = false;
  private inbound: InboundBuffer | null = null;
  private inboundTrailers: FieldList | null = null;
  private delivering = false;
  private keptBytes = 0;
  /** Of the bytes kept, those that the connection's window has not got back yet. */
  connectionDebt = 0;
  /** True while a handler works on it. */
  working = false;

  /** Unsent body, in order. */
  outbound: Uint8Array[] | null = null;
  outboundBytes = 0;
  /** How much of the first piece of `outbound` is sent. */
  outboundOffset = 0;
  /** What follows the unsent body: trailers, or END_STREAM alone. */
  endsWith: FieldSection | true | null = null;
  /** RFC 9218: 0 goes first, 7 last. The client may change it on the way. */
  urgency: number;
  /** True once a first part of the answer is on its way. */
  hasAnswered = false;
  /** True while it waits its turn in the sender's queue. */
  isQueued = false;
  needsDrain = false;
  /** When the handler was seen to be done, or the peer to have taken a part of the rest; 0 before. */
  private movedAtMs = 0;
  /** What was unsent then. */
  private unsentThen = 0;

  constructor(
    private readonly owner: StreamOwner,
    readonly id: number,
    readonly head: Http2RequestHead,
    initialState: StreamState,
    /** Bytes of DATA we may send now; negative when the peer has shrunk its window. */
    public sendWindow: number,
  ) {
    this.state = initialState;
    this.urgency = head.urgency;
    this.requestEnded = !state.canReceive(initialState);
  }

  get peer(): Peer {
    return this.owner.peer;
  }

  get httpVersion(): "2" {
    return "2";
  }

  get isOpen(): boolean {
    return this.state !== StreamState.closed;
  }

  get bufferedBytes(): number {
    return this.outboundBytes;
  }

  // ── What the peer does ────────────────────────────────────────────────────────────────────────────────────

  /** Takes a piece of the body. `null`: all is well. */
  recvData(bytes: Uint8Array, endStream: boolean): Violation | null {
    this.receivedBytes += bytes.length;
    const { contentLength } = this.head;
    if (contentLength >= 0) {
      const tooLong = this.receivedBytes > contentLength;
      if (tooLong || (endStream && this.receivedBytes < contentLength)) return contentLengthMismatch;
    }
    if (bytes.length > 0) {
      if (this.isHeldBack()) {
        this.inbound ??= new InboundBuffer();
        this.inbound.push(bytes);
        this.owner.countKept(bytes.length);
      } else {
        this.giveData(bytes);
      }
    }
    return endStream ? this.recvEnd(NO_TRAILERS) : null;
  }

  /** The peer's side ends. */
  recvEnd(trailers: FieldList): Violation | null {
    const { contentLength } = this.head;
    if (contentLength >= 0 && this.receivedBytes !== contentLength) return contentLengthMismatch;
    this.requestEnded = true;
    if (this.isHeldBack()) this.inboundTrailers = trailers;
    else if (!this.aborted) this.giveEnd(trailers);
    return null;
  }

  /** The stream is over before its time; nobody but the receiver needs to hear of it. */
  recvAbort(reason: AbortReason): void {
    if (this.aborted) return;
    this.aborted = true;
    this.letGo();
    try {
      this.receiver?.onAbort(reason);
    } catch (error) {
      this.owner.recvFault(this, error);
    }
  }

  /** Everything written is on its way. */
  recvDrained(): void {
    try {
      this.receiver?.onDrain();
    } catch (error) {
      this.owner.recvFault(this, error);
    }
  }

  /** Whether the handler is done, and the peer takes the rest too slowly or not at all. */
  hasStalled(nowMs: number, stallMs: number): boolean {
    if (this.endsWith === null || this.outboundBytes === 0) return false;
    const hasMoved = this.unsentThen - this.outboundBytes >= LEAST_PROGRESS_BYTES;
    if (this.movedAtMs !== 0 && !hasMoved) return nowMs - this.movedAtMs >= stallMs;
    this.movedAtMs = nowMs;
    this.unsentThen = this.outboundBytes;
    return false;
  }

  private giveData(bytes: Uint8Array): void {
    try {
      this.receiver?.onData(bytes);
    } catch (error) {
      this.owner.recvFault(this, error);
    }
  }

  private giveEnd(trailers: FieldList): void {
    try {
      this.receiver?.onEnd(trailers);
    } catch (error) {
      this.owner.recvFault(this, error);
    }
  }

  /** Whether new bytes must queue up behind older ones, or behind a pause. */
  isHeldBack(): boolean {
    return this.paused || (this.inbound !== null && this.inbound.length > 0);
  }

  private get keptInbound(): number {
    return this.inbound?.length ?? 0;
  }

  /** Bytes received that are kept for this stream, here or by its receiver. */
  get kept(): number {
    return this.keptBytes + this.keptInbound;
  }

  // ── Exchange: receiving ───────────────────────────────────────────────────────────────────────────────────

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.delivering) this.deliverInbound();
  }

  private deliverInbound(): void {
    this.delivering = true;
    while (!this.paused && !this.aborted && this.inbound !== null) {
      const chunk = this.inbound.shift();
      if (chunk === null) break;
      this.owner.countKept(-chunk.length);
      this.owner.returnWindow(this, chunk.length);
      this.giveData(chunk);
    }
    this.delivering = false;
    if (this.isHeldBack() || this.aborted || this.inboundTrailers === null) return;
    const trailers = this.inboundTrailers;
    this.inboundTrailers = null;
    this.giveEnd(trailers);
  }

  hold(bytes: number): void {
    // Once the stream is gone everything was let go already, and would be counted twice.
    if (!this.isOpen) return;
    this.keptBytes += bytes;
    this.owner.countKept(bytes);
  }

  beginWork(): void {
    if (this.isOpen) this.working = true;
  }

  endWork(): void {
    if (!this.working) return;
    this.working = false;
    this.owner.workEnded(this);
  }

  /** Lets go of everything that is counted or kept. */
  letGo(): void {
    const { kept } = this;
    if (kept !== 0) this.owner.countKept(-kept);
    this.keptBytes = 0;
    this.inbound = null;
    this.inboundTrailers = null;
  }

  // ── Exchange: answering ───────────────────────────────────────────────────────────────────────────────────

  respond(section: FieldSection): void {
    if (!this.canSend()) return;
    this.hasAnswered = true;
    this.owner.sendHeaders(this, section, false);
  }

  respondAndEnd(section: FieldSection): void {
    if (!this.canSend()) return;
    this.owner.sendHeaders(this, section, true);
  }

  write(bytes: Uint8Array, more?: Uint8Array): boolean {
    if (!this.canSend()) return true;
    this.owner.sendData(this, bytes, more);
    // Unsent bytes mean that a window or the socket is full: whoever can wait should wait from here on.
    this.needsDrain = this.outboundBytes > 0;
    return !this.needsDrain;
  }

  end(trailers?: FieldSection): void {
    if (!this.canSend()) return;
    this.endsWith = trailers ?? true;
    this.owner.sendEnd(this);
  }

  abort(code: AbortCode): void {
    if (this.aborted || this.state === StreamState.closed) return;
    this.aborted = true;
    this.letGo();
    this.owner.sendReset(this, RESET_CODES[code]);
  }

  push(path: string): boolean {
    return this.canSend() && this.owner.push(this, path);
  }

  private canSend(): boolean {
    return !this.aborted && this.endsWith === null && state.canSend(this.state);
  }
}
