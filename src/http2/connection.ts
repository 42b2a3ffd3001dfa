import type { Peer } from "../exchange.ts";
import { BandwidthEstimator } from "./bandwidth.ts";
import { noTimer, type Timer } from "./clock.ts";
import type { ConnectionHost, Http2Context } from "./context.ts";
import { Control, Ping } from "./control.ts";
import { Drain } from "./drain.ts";
import { Ending } from "./ending.ts";
import { FloodGuards } from "./flood-guards.ts";
import { Flag, FrameType, readUint31 } from "./frame.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { HeaderAssembly } from "./header-assembly.ts";
import type { Http2Limits } from "./limits.ts";
import { Output } from "./output.ts";
import { ClientPreface } from "./preface.ts";
import { Sender, type SenderEvents } from "./sender.ts";
import { PeerSettings } from "./settings.ts";
import { type Stallable, StallWatch } from "./stall-watch.ts";
import type { Http2Stream } from "./stream.ts";
import { Streams, type StreamsEvents } from "./streams.ts";
import * as v from "./violations.ts";
import { ErrorCode, type Violation } from "./violations.ts";

/** How far the connection is: frames are taken in `open` only. */
type Phase = "preface" | "settings" | "open" | "closing" | "closed";

/**
 * The server side of one HTTP/2 connection (RFC 9113), without any socket: bytes in by {@link receive}, bytes out
 * to the {@link ConnectionHost}. It owns the parts and dispatches; the part that owns the data applies the rule.
 */
export class Http2Connection implements FrameSink, SenderEvents, StreamsEvents, Stallable {
  private phase: Phase = "preface";
  private readonly preface = new ClientPreface();
  private inTurn = false;
  private turnIsDue = false;
  private flushIsDue = false;
  private timer: Timer = noTimer;
  private readonly reader = new FrameReader(this);
  private readonly output: Output;
  private readonly sender: Sender;
  private readonly streams: Streams;
  private readonly control: Control;
  private readonly guards: FloodGuards;
  private readonly assembly: HeaderAssembly;
  private readonly drainage: Drain;
  private readonly stalls: StallWatch;
  private readonly ending: Ending;
  private readonly limits: Http2Limits;
  private readonly flushSoon = () => this.flush();
  private readonly resumeTurn = () => {
    this.turnIsDue = false;
    this.runTurn(null);
  };

  constructor(
    private readonly context: Http2Context,
    private readonly host: ConnectionHost,
    readonly peer: Peer,
    /** Called whenever the last stream is gone while the connection lives. */
    private readonly onIdle: () => void = () => {},
  ) {
    const { limits, clock, budget } = context;
    this.limits = limits;
    const settings = new PeerSettings();
    const bandwidth = new BandwidthEstimator(limits, budget);
    this.output = new Output(host, context.scratch);
    this.sender = new Sender(this.output, settings, limits, this, (bytes) => budget.add(bytes));
    this.guards = new FloodGuards(clock, limits);
    this.assembly = new HeaderAssembly(clock, limits, () => this.fail(v.headerBlockTimeout));
    this.streams = new Streams(peer, context, bandwidth, this.guards, settings, this.sender, this);
    this.control = new Control(
      clock,
      limits,
      settings,
      this.sender,
      this.streams,
      this.guards,
      bandwidth,
      (violation) => this.fail(violation),
    );
    this.drainage = new Drain(clock, limits, this.control, this.streams, () => this.endWhenIdle());
    this.stalls = new StallWatch(clock, limits, this);
    this.ending = new Ending(clock, limits, this, () => host.destroy());
    this.timer = clock.after(limits.prefaceTimeoutMs, () => this.fail(v.prefaceTimeout));
    this.control.sendPreface();
    this.wake();
  }

  /** Streams open now. */
  get streamCount(): number {
    return this.streams.size;
  }

  // ── Bytes in ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes bytes of the peer. The memory is only lent. */
  receive(bytes: Buffer): void {
    if (this.phase === "closing" || this.phase === "closed") return;
    const rest = this.phase === "preface" ? this.recvPreface(bytes) : bytes;
    if (rest !== null && rest.length > 0) this.runTurn(rest);
  }

  private recvPreface(bytes: Buffer): Buffer | null {
    const rest = this.preface.recv(bytes);
    if (rest === false) {
      this.fail(v.badPreface);
      return null;
    }
    if (rest !== null) this.phase = "settings";
    return rest;
  }

  /** One turn: a bounded number of frames, then everything they caused leaves in one write. */
  private runTurn(bytes: Buffer | null): void {
    const { reader } = this;
    this.inTurn = true;
    if (bytes === null) reader.resume(this.limits.framesPerTurn);
    else reader.receive(bytes, this.limits.framesPerTurn);
    this.inTurn = false;
    this.flush();
    if (reader.isHalted || !this.isLive()) return;
    if (!reader.hasBacklog) {
      if (bytes === null) this.host.setReading(true);
    } else if (!this.turnIsDue) {
      this.turnIsDue = true;
      this.host.setReading(false);
      this.host.nextTurn(this.resumeTurn);
    }
  }

  private isLive(): boolean {
    return this.phase !== "closing" && this.phase !== "closed";
  }

  recvBrokenFrame(violation: Violation): void {
    this.fail(violation);
  }

  recvFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const violation = this.dispatch(type, flags, streamId, bytes, start, end);
    if (violation !== null) this.recvViolation(violation, streamId);
    const unread = this.control.queued + this.sender.headersBehind;
    if (unread > this.limits.maxQueuedControlFrames) this.relieveControlQueue();
  }

  /** One line for each frame type; the part that owns the data applies the rule. */
  private dispatch(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): Violation | null {
    if (this.phase === "settings") {
      // "This sequence MUST be followed by a SETTINGS frame, which MAY be empty" (section 3.4).
      if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0) return v.firstFrameNotSettings;
      this.phase = "open";
      this.timer.cancel();
    }
    if (this.assembly.isOpen && type !== FrameType.CONTINUATION) return v.interleavedHeaderBlock;
    switch (type) {
      case FrameType.DATA:
        return this.streams.recvData(flags, streamId, bytes, start, end);
      case FrameType.HEADERS:
        return this.recvHeaderFrame(this.assembly.recvHeaders(flags, streamId, bytes, start, end));
      case FrameType.CONTINUATION:
        return this.recvHeaderFrame(this.assembly.recvContinuation(flags, streamId, bytes, start, end));
      case FrameType.WINDOW_UPDATE:
        if (end - start !== 4) return v.frameSizeWrong;
        return this.streams.recvWindowUpdate(streamId, readUint31(bytes, start));
      case FrameType.RST_STREAM:
        if (streamId === 0) return v.streamIdZero;
        return end - start === 4 ? this.streams.recvReset(streamId) : v.frameSizeWrong;
      case FrameType.SETTINGS:
        return this.control.recvSettings(flags, streamId, bytes, start, end);
      case FrameType.PING:
        return this.control.recvPing(flags, streamId, bytes, start, end);
      case FrameType.PRIORITY:
        return this.control.recvPriority(streamId, bytes, start, end);
      case FrameType.PRIORITY_UPDATE:
        return this.control.recvPriorityUpdate(streamId, bytes, start, end);
      case FrameType.GOAWAY:
        return this.recvGoAway(streamId, start, end);
      case FrameType.PUSH_PROMISE:
        return v.pushPromiseFromClient;
      // "Implementations MUST ignore and discard frames of unknown types" (section 5.5).
      default:
        return this.guards.judgeGlitch(this.sender.explainedFrames);
    }
  }

  private recvHeaderFrame(violation: Violation | null): Violation | null {
    if (violation !== null || this.assembly.isOpen) return violation;
    this.guards.forgivePings();
    const judgement = this.streams.recvHeaderBlock(this.assembly);
    this.assembly.release();
    return judgement;
  }

  /** The peer will open no more streams; those it has opened go on (section 6.8). */
  private recvGoAway(streamId: number, start: number, end: number): Violation | null {
    if (streamId !== 0) return v.streamIdNotZero;
    if (end - start < 8) return v.frameSizeWrong;
    this.drainage.isFinal = true;
    this.streams.recvGoAway();
    if (this.streams.size === 0) this.host.nextTurn(() => this.endWhenIdle());
    return null;
  }

  /** The one place where a violation becomes a frame, a count and a line in the log. */
  private recvViolation(violation: Violation, streamId: number): void {
    if (!this.isLive()) return;
    this.context.observer.violation(violation, streamId, this.peer);
    if (violation.scope === "connection") {
      this.close(violation.code, violation.debugData);
      return;
    }
    this.streams.resetFor(violation, streamId);
    const flood = this.guards.judgeStreamError(violation, this.streams.limitIsKnown);
    if (flood !== null) this.recvViolation(flood, 0);
  }

  private fail(violation: Violation): void {
    this.recvViolation(violation, 0);
    this.wake();
  }

  // ── Bytes out ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Something was written: it leaves at the end of the turn, or soon when there is none. */
  wake(): void {
    if (this.inTurn || this.flushIsDue) return;
    this.flushIsDue = true;
    this.host.soon(this.flushSoon);
  }

  flush(): void {
    this.flushIsDue = false;
    if (this.phase === "closed") return;
    this.output.flush();
    const { pendingBytes } = this.host;
    if (pendingBytes === 0) this.forgetUnread();
    if (pendingBytes > this.limits.socketBufferBytes) this.sender.isBlocked = true;
    this.stalls.check();
  }

  /** The host has passed on what it had. */
  onWritable(): void {
    if (this.phase === "closed") return;
    this.stalls.progress();
    this.forgetUnread();
    this.sender.isBlocked = false;
    this.sender.pump();
    this.flush();
    if (!this.reader.isHalted) return;
    this.reader.isHalted = false;
    this.runTurn(null);
  }

  private forgetUnread(): void {
    this.control.queued = 0;
    this.sender.headersBehind = 0;
  }

  /** Answers that no window holds back pile up: unless the socket takes them, nothing more is read. */
  private relieveControlQueue(): void {
    this.flush();
    if (this.control.queued + this.sender.headersBehind === 0 || !this.isLive()) return;
    this.reader.isHalted = true;
    this.host.setReading(false);
  }

  get pendingBytes(): number {
    return this.host.pendingBytes;
  }

  get takenBytes(): number {
    return this.output.handedBytes - this.host.pendingBytes;
  }

  get queuedBytes(): number {
    return this.sender.queuedBytes;
  }

  socketStalled(): void {
    this.host.destroy();
  }

  checkStalledStreams(nowMs: number): void {
    for (const stream of this.streams.findStalled(nowMs, this.limits.responseStallMs)) {
      this.recvViolation(v.responseStalled, stream.id);
    }
    this.wake();
  }

  // ── What the parts report ─────────────────────────────────────────────────────────────────────────────────

  sentEnd(stream: Http2Stream): void {
    this.streams.sentEnd(stream);
  }

  drained(stream: Http2Stream): void {
    stream.recvDrained();
  }

  reset(streamId: number, code: ErrorCode): void {
    this.control.sendReset(streamId, code);
  }

  sampleBandwidth(): void {
    this.control.sampleBandwidth();
  }

  idle(): void {
    if (!this.isLive()) return;
    if (this.drainage.isFinal) this.endWhenIdle();
    else this.onIdle();
  }

  fault(error: unknown): void {
    this.context.observer.fault?.(error, this.peer);
  }

  private endWhenIdle(): void {
    if (this.streams.size === 0) this.close(ErrorCode.NO_ERROR, "");
    this.wake();
  }

  // ── Ending ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends a PING; `answered` is called when the peer acknowledges it. */
  ping(answered: () => void): void {
    if (!this.isLive()) return;
    this.control.ping(Ping.keepalive, answered);
    this.wake();
  }

  /** Ends the connection without failing a call, in two phases. `debugData` tells the peer why. */
  drain(debugData: string): void {
    if (!this.isLive()) return;
    // Who has not said anything has nothing to lose.
    if (this.phase === "preface") {
      this.close(ErrorCode.NO_ERROR, debugData);
      return;
    }
    this.timer.cancel();
    this.drainage.begin(debugData);
    this.wake();
  }

  /** Ends the connection now: GOAWAY, no more parsing, every stream aborted. */
  close(code: ErrorCode, debugData: string): void {
    if (!this.isLive()) return;
    this.phase = "closing";
    this.stop();
    this.streams.abortAll(code === ErrorCode.NO_ERROR ? "connection-lost" : "protocol-error");
    // After a drain the last GOAWAY has been sent already.
    if (code !== ErrorCode.NO_ERROR || !this.drainage.isFinal) {
      // "Endpoints MUST NOT increase the value they send in the last stream identifier" (section 6.8).
      const { lastPeerId, lastAcceptedId } = this.streams;
      this.control.sendGoAway(Math.min(lastPeerId, lastAcceptedId), code, debugData);
    }
    this.output.flush();
    this.host.end();
    this.ending.begin();
  }

  /** Ends what a drain has left: the client is told of each stream that it is cancelled. */
  cancel(): void {
    if (!this.isLive()) return;
    this.streams.cancelAll();
    this.close(ErrorCode.NO_ERROR, "");
  }

  /** The host has lost the connection. */
  lost(): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.stop();
    this.ending.stop();
    this.streams.abortAll("connection-lost");
    this.output.discard();
  }

  private stop(): void {
    this.reader.stop();
    this.control.stop();
    this.timer.cancel();
    this.assembly.stop();
    this.drainage.stop();
    this.stalls.stop();
  }
}
