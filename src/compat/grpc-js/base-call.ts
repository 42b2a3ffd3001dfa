import type { Metadata as GrpcMetadata, ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { Call } from "../../index.ts";
import type { CallCounter, Channelz } from "./channelz.ts";
import {
  type AuthContext,
  authContextOf,
  type ConnectionInfo,
  connectionInfoOf,
  peerName,
} from "./connection.ts";
import { type InterceptingServerListener, PerRequestMetricRecorder } from "./internals.ts";
import { copyMetadata, toGrpcMetadata } from "./metadata.ts";
import { type PartialStatus, toCoreStatus } from "./status.ts";

/** Messages that are read ahead of the handler before its client has to wait, and their bytes. */
const READ_AHEAD = 16;
const READ_AHEAD_BYTES = 64 * 1024;

const METRICS_KEY = "endpoint-load-metrics-bin";

/** What of the server each of its calls needs. */
export interface BaseCallHost {
  readonly sendsMetrics: boolean;
  readonly channelz: Channelz;
}

/** What the handler's side of a call hears. */
export interface HandlerListener extends InterceptingServerListener {
  /** The call begins. Its metadata can be asked for. */
  begin(): void;
}

/** A call of the core with the face that grpc-js's interceptors and handlers know. */
export class BaseCall implements ServerInterceptingCallInterface {
  private listener: InterceptingServerListener | null = null;
  private readonly messages: unknown[] = [];
  private readonly sizes: number[] = [];
  private keptBytes = 0;
  private isReading = false;
  private isPaused = false;
  private hasEnded = false;
  private hasToldEnd = false;
  private hasToldCancel = false;
  /** Null until a status is sent. */
  private sentCode: number | null = null;
  private readonly counter: CallCounter | null;
  private recorder: PerRequestMetricRecorder | null = null;

  constructor(
    private readonly call: Call,
    private readonly host: BaseCallHost,
  ) {
    call.beginWork();
    this.counter = host.channelz.callStarted(call.peer);
  }

  // ── From the core ─────────────────────────────────────────────────────────────────────────────────────────

  recvMessage(message: unknown, bytes: number): void {
    this.counter?.messageReceived();
    if (this.isReading) {
      this.isReading = false;
      this.listener?.onReceiveMessage(message);
      return;
    }
    this.messages.push(message);
    this.sizes.push(bytes);
    this.keep(bytes);
    const isFull = this.messages.length >= READ_AHEAD || this.keptBytes >= READ_AHEAD_BYTES;
    if (!isFull || this.isPaused) return;
    this.isPaused = true;
    this.call.writer.pause();
  }

  recvEnd(): void {
    this.hasEnded = true;
    if (this.isReading) this.tellEnd();
  }

  recvCancel(): void {
    this.tellCancel();
  }

  private keep(bytes: number): void {
    this.keptBytes += bytes;
    this.call.writer.hold(bytes);
  }

  /** As grpc-js does it: once, however the call ends, and after the code that ends it. */
  private tellCancel(): void {
    if (this.hasToldCancel) return;
    this.hasToldCancel = true;
    this.messages.length = 0;
    this.call.endWork();
    this.counter?.ended(this.sentCode);
    process.nextTick(() => this.listener?.onCancel());
  }

  private tellEnd(): void {
    if (this.hasToldEnd) return;
    this.hasToldEnd = true;
    this.isReading = false;
    this.listener?.onReceiveHalfClose();
  }

  // ── ServerInterceptingCallInterface ───────────────────────────────────────────────────────────────────────

  start(listener: InterceptingServerListener): void {
    this.listener = listener;
    if (!this.call.isOver) listener.onReceiveMetadata(this.metadata);
  }

  /** The same for a handler without interceptors before it, which may never ask for its metadata. */
  startHandler(listener: HandlerListener): void {
    this.listener = listener;
    if (!this.call.isOver) listener.begin();
  }

  /** What the client sent along. */
  get metadata(): GrpcMetadata {
    return toGrpcMetadata(this.call.metadata);
  }

  startRead(): void {
    if (this.call.isOver) return;
    if (this.messages.length > 0) {
      const message = this.messages.shift();
      this.keep(-(this.sizes.shift() as number));
      if (this.isPaused && this.messages.length === 0) {
        this.isPaused = false;
        this.call.writer.resume();
      }
      this.listener?.onReceiveMessage(message);
    } else if (this.hasEnded) {
      this.tellEnd();
    } else {
      this.isReading = true;
    }
  }

  sendMetadata(metadata: GrpcMetadata): void {
    if (this.call.isOver || this.call.headersSent) return;
    copyMetadata(metadata, this.call.responseMetadata);
    this.call.sendHeaders();
  }

  sendMessage(message: unknown, callback: () => void): void {
    const result = this.call.send(message);
    if (result !== "failed") this.counter?.messageSent();
    if (result === "sent") callback();
    else if (result === "full") this.call.drained().then(callback);
  }

  sendStatus(status: PartialStatus): void {
    if (this.call.isOver) return;
    if (this.recorder !== null && this.host.sendsMetrics) {
      this.call.trailers.set(METRICS_KEY, this.recorder.serialize());
    }
    this.sentCode = status.code;
    this.call.finish(toCoreStatus(status));
    this.tellCancel();
  }

  getPeer(): string {
    return peerName(this.call.peer);
  }

  getDeadline(): Date | number {
    return this.call.deadline ?? Number.POSITIVE_INFINITY;
  }

  getHost(): string {
    return this.call.authority;
  }

  getAuthContext(): AuthContext {
    return authContextOf(this.call.peer);
  }

  getConnectionInfo(): ConnectionInfo {
    return connectionInfoOf(this.call.peer);
  }

  getMetricsRecorder(): PerRequestMetricRecorder {
    this.recorder ??= new PerRequestMetricRecorder();
    return this.recorder;
  }
}
