import type { BandwidthEstimator } from "./bandwidth.ts";
import { type Clock, noTimer, type Timer } from "./clock.ts";
import type { FloodGuards } from "./flood-guards.ts";
import { Flag, FrameType, readUint31, readUint32, writeUint32 } from "./frame.ts";
import type { Http2Limits } from "./limits.ts";
import { parseUrgency } from "./request-head.ts";
import type { Sender } from "./sender.ts";
import { localSettingsPayload, type PeerSettings } from "./settings.ts";
import type { Streams } from "./streams.ts";
import type { ErrorCode, Violation } from "./violations.ts";
import * as v from "./violations.ts";

const NO_PAYLOAD = new Uint8Array(0);
const PING_BYTES = 8;

/** Our own pings, told apart by their payload. */
export const Ping = { bandwidth: 1, drain: 2, keepalive: 3 } as const;
export type Ping = (typeof Ping)[keyof typeof Ping];

/** SETTINGS, PING and GOAWAY: the frames of the connection as a whole. */
export class Control {
  /** Control frames written since the socket was last empty: what a peer that does not read makes us keep. */
  queued = 0;
  private settingsTimer: Timer = noTimer;
  private readonly awaited = new Map<number, () => void>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: Http2Limits,
    private readonly settings: PeerSettings,
    private readonly sender: Sender,
    private readonly streams: Streams,
    private readonly guards: FloodGuards,
    private readonly bandwidth: BandwidthEstimator,
    private readonly fail: (violation: Violation) => void,
  ) {}

  /** Our preface (RFC 9113 section 3.4), and the connection window we grant beyond the initial 65,535 bytes. */
  sendPreface(): void {
    this.sender.sendFrame(FrameType.SETTINGS, 0, 0, localSettingsPayload(this.limits));
    const grant = this.limits.connectionWindowBytes - 65_535;
    if (grant > 0) this.sender.sendWindowUpdate(0, grant);
    this.settingsTimer = this.clock.after(this.limits.settingsTimeoutMs, () => this.fail(v.settingsTimeout));
  }

  stop(): void {
    this.settingsTimer.cancel();
    this.awaited.clear();
  }

  recvSettings(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Violation | null {
    if (streamId !== 0) return v.streamIdNotZero;
    if ((flags & Flag.ACK) !== 0) {
      if (end > start) return v.settingsAckWithPayload;
      this.settingsTimer.cancel();
      this.streams.recvSettingsAck();
      return null;
    }
    const { settings, sender } = this;
    const windowBefore = settings.initialWindowSize;
    const tableBefore = settings.headerTableSize;
    const violation = settings.apply(bytes, start, end, this.limits);
    if (violation !== null) return violation;
    // A table that shrank and grew within one frame must be signalled at both sizes (RFC 7541 section 4.2).
    const { lowestHeaderTableSize, headerTableSize } = settings;
    if (lowestHeaderTableSize < headerTableSize) sender.encoder.setPeerTableSize(lowestHeaderTableSize);
    if (headerTableSize !== tableBefore || lowestHeaderTableSize < headerTableSize) {
      sender.encoder.setPeerTableSize(headerTableSize);
    }
    // The acknowledgement goes first: what follows it obeys the new values.
    this.sendControl(FrameType.SETTINGS, Flag.ACK, 0, NO_PAYLOAD);
    const shift = settings.initialWindowSize - windowBefore;
    return shift === 0 ? null : this.streams.shiftSendWindows(shift);
  }

  recvPing(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Violation | null {
    if (streamId !== 0) return v.streamIdNotZero;
    if (end - start !== PING_BYTES) return v.frameSizeWrong;
    if ((flags & Flag.ACK) !== 0) {
      if (readUint32(bytes, start) === 0) this.recvPong(readUint32(bytes, start + 4));
      return null;
    }
    const violation = this.guards.judgePing(this.streams.size > 0, this.sender.explainedFrames);
    if (violation !== null) return violation;
    this.sendControl(FrameType.PING, Flag.ACK, 0, bytes.subarray(start, end));
    return null;
  }

  /** RFC 9113 section 5.3.2 deprecates priorities: the frame is checked and then ignored. */
  recvPriority(streamId: number, bytes: Buffer, start: number, end: number): Violation | null {
    if (streamId === 0) return v.streamIdZero;
    if (end - start !== 5) return v.priorityFrameSize;
    if (readUint31(bytes, start) === streamId) return v.selfDependency;
    return this.guards.judgeGlitch(this.sender.explainedFrames);
  }

  /** RFC 9218 section 7.1: the urgency of a stream changes while it is answered. */
  recvPriorityUpdate(streamId: number, bytes: Buffer, start: number, end: number): Violation | null {
    if (streamId !== 0) return v.streamIdNotZero;
    if (end - start < 4) return v.frameSizeWrong;
    const prioritizedId = readUint31(bytes, start);
    if (prioritizedId === 0) return v.streamIdZero;
    const urgency = parseUrgency(bytes.toString("latin1", start + 4, end));
    return (
      this.streams.recvUrgency(prioritizedId, urgency) ?? this.guards.judgeGlitch(this.sender.explainedFrames)
    );
  }

  private recvPong(ping: number): void {
    const answer = this.awaited.get(ping);
    this.awaited.delete(ping);
    answer?.();
  }

  /** Sends a PING and calls `answered` when the peer acknowledges it. */
  ping(kind: Ping, answered: () => void): void {
    const payload = Buffer.alloc(PING_BYTES);
    writeUint32(payload, 4, kind);
    this.awaited.set(kind, answered);
    this.sender.sendFrame(FrameType.PING, 0, 0, payload);
  }

  sampleBandwidth(): void {
    if (this.bandwidth.begin()) this.ping(Ping.bandwidth, () => this.bandwidth.finish());
  }

  sendReset(streamId: number, code: ErrorCode): void {
    this.queued++;
    this.sender.sendReset(streamId, code);
  }

  sendGoAway(lastStreamId: number, code: ErrorCode, debugData: string): void {
    const text = Buffer.from(debugData, "latin1");
    const payload = Buffer.alloc(8 + text.length);
    writeUint32(payload, 0, lastStreamId);
    writeUint32(payload, 4, code);
    text.copy(payload, 8);
    this.sender.sendFrame(FrameType.GOAWAY, 0, 0, payload);
  }

  private sendControl(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    this.queued++;
    this.sender.sendFrame(type, flags, streamId, payload);
  }
}
