import type { Exchange, Peer } from "../exchange.ts";
import type { MethodSchema } from "../schema/types.ts";
import type { DeadlineEntry } from "./deadlines.ts";
import type { InterceptedCall, MessageHook } from "./interceptor.ts";
import { encodeLoadReport, LOAD_REPORT_KEY, LoadReport } from "./load-report.ts";
import { Metadata, metadataFromFields } from "./metadata.ts";
import type { Method } from "./method.ts";
import type { CallHost } from "./protocol.ts";
import { OK, RpcError, type Status, StatusCode } from "./status.ts";

/** What a protocol does for a call: turns its messages and status into bytes of the exchange. */
export interface CallWriter {
  /** Sends the response's headers; called at most once, and before any message. */
  writeHeaders(metadata: Metadata | null): void;
  /** Sends a message. False: wait for {@link Call.recvDrain}. */
  writeMessage(message: Uint8Array): boolean;
  /** Ends the response, whatever was sent before. Called once. */
  writeStatus(status: Status, trailers: Metadata | null, responseMetadata: Metadata | null): void;
  /** Stops and resumes {@link Call.recvMessage}. */
  pause(): void;
  resume(): void;
  /** Tells the memory budget that a handler has yet to take `bytes` received (negative: it has taken them). */
  hold(bytes: number): void;
}

const NO_HOOKS: readonly MessageHook[] = [];

/**
 * One call of a method: what the protocol received goes in by the `recv` methods, what the handler answers goes out
 * to the {@link CallWriter}, and exactly one status ends it. It is also the context that the handler sees; whatever
 * of that a call may not need is made when first asked for.
 */
export class Call implements InterceptedCall, DeadlineEntry {
  deadlineMs = Number.POSITIVE_INFINITY;
  heapIndex = -1;
  compress = true;
  /** True once the status is sent, or the client is gone. */
  isOver = false;
  /** What the kind of the call keeps: the one request, or the queue of requests. */
  input: unknown = undefined;
  /** What the handler's answers are drawn from, while they are. */
  output: AsyncIterator<unknown> | null = null;
  private hasSentHeaders = false;
  private abortController: AbortController | null = null;
  private abortReason: RpcError | null = null;
  private requestMetadata: Metadata | null = null;
  private headerMetadata: Metadata | null = null;
  private trailerMetadata: Metadata | null = null;
  private report: LoadReport | null = null;
  requestHooks: readonly MessageHook[] = NO_HOOKS;
  replyHooks: readonly MessageHook[] = NO_HOOKS;
  private whenDrained: (() => void) | null = null;
  private compressedRequests: WeakSet<object> | null = null;

  constructor(
    private readonly host: CallHost,
    private readonly exchange: Exchange,
    readonly writer: CallWriter,
    private readonly bound: Method,
    /** What the client gives it; Infinity: no limit. */
    timeoutMs: number,
  ) {
    const { defaultMs, maxMs } = host.timeouts;
    const ms = Math.min(timeoutMs === Number.POSITIVE_INFINITY ? defaultMs : timeoutMs, maxMs);
    if (ms !== Number.POSITIVE_INFINITY) host.deadlines.add(this, ms);
  }

  // ── What the client does ──────────────────────────────────────────────────────────────────────────────────

  /** The call is open: a handler that reads a stream begins at once. */
  open(): void {
    this.bound.driver.open(this);
  }

  recvMessage(bytes: Uint8Array, isCompressed = false): void {
    if (this.isOver) return;
    let message: unknown;
    try {
      message = this.bound.schema.request.decode(bytes);
    } catch (error) {
      this.host.log.debug("A request could not be decoded", { method: this.bound.schema.path, error });
      this.finish(statusOf(error, "The request message could not be decoded"));
      return;
    }
    if (isCompressed && typeof message === "object" && message !== null) {
      this.compressedRequests ??= new WeakSet();
      this.compressedRequests.add(message);
    }
    this.bound.driver.recvMessage(this, message, bytes.length);
  }

  recvEnd(): void {
    if (!this.isOver) this.bound.driver.recvEnd(this);
  }

  recvDrain(): void {
    const { whenDrained } = this;
    this.whenDrained = null;
    whenDrained?.();
  }

  /** The client has cancelled, or is gone: nothing can be sent any more. */
  recvCancel(message: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.host.deadlines.remove(this);
    this.abandon(new RpcError(StatusCode.CANCELLED, message));
  }

  onDeadline(): void {
    const reason = new RpcError(StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded");
    if (this.exchange.bufferedBytes === 0) {
      this.finish(reason);
      return;
    }
    // The client does not read, and a status would wait behind that.
    this.isOver = true;
    this.exchange.abort("cancel");
    this.abandon(reason);
  }

  // ── What the handler does ─────────────────────────────────────────────────────────────────────────────────

  /** A handler that answers later is at work. */
  beginWork(): void {
    this.exchange.beginWork();
  }

  endWork(): void {
    this.exchange.endWork();
  }

  /** The one reply, and success. */
  reply(value: unknown): void {
    if (this.isOver) return;
    if (this.send(value) !== "failed") this.finish(OK);
  }

  /** The last of the replies is sent. */
  succeed(): void {
    this.finish(OK);
  }

  /** Sends a message. `full`: wait for {@link drained} before the next one. */
  send(value: unknown): "sent" | "full" | "failed" {
    if (this.isOver) return "failed";
    let bytes: Uint8Array;
    try {
      bytes = this.bound.schema.response.encode(value);
    } catch (error) {
      this.host.log.error("A reply could not be encoded", { method: this.bound.schema.path, error });
      this.finish(statusOf(error, "The response message could not be encoded"));
      return "failed";
    }
    if (bytes.length > this.host.messageLimits.maxSendBytes) {
      const message = `Sent message larger than max (${bytes.length} vs ${this.host.messageLimits.maxSendBytes})`;
      this.finish({ code: StatusCode.RESOURCE_EXHAUSTED, message });
      return "failed";
    }
    this.sendHeaders();
    return this.writer.writeMessage(bytes) ? "sent" : "full";
  }

  /** Resolves when the client has caught up, or the call is over. */
  drained(): Promise<void> {
    if (this.isOver) return Promise.resolve();
    return new Promise((resolve) => {
      this.whenDrained = resolve;
    });
  }

  /** The handler threw. An RpcError is the answer; anything else is a bug, told to the log and not to the client. */
  fail(error: unknown): void {
    if (this.isToldBy(error)) return;
    // A thrown OK is a mistake: there is no reply to go with it.
    if (error instanceof RpcError && error.code !== StatusCode.OK) {
      this.finish(error);
      return;
    }
    this.host.log.error("A handler failed", { method: this.bound.schema.path, error });
    this.finish({ code: StatusCode.UNKNOWN, message: "The handler failed" });
  }

  /** A handler that stops because its call is over throws the signal's reason, or an AbortError made of it. */
  private isToldBy(error: unknown): boolean {
    const { abortReason } = this;
    if (abortReason === null) return false;
    return error === abortReason || (error instanceof Error && error.cause === abortReason);
  }

  /** Ends the call with its one status; later ones are ignored. */
  finish(status: Status): void {
    if (this.isOver) return;
    this.isOver = true;
    this.host.deadlines.remove(this);
    const headers = this.hasSentHeaders ? null : this.headerMetadata;
    if (this.report !== null) this.addLoadReport(this.report);
    if (status.metadata !== undefined) {
      for (const [key, value] of status.metadata) this.trailers.append(key, value);
    }
    this.writer.writeStatus(status, this.trailerMetadata, headers);
    if (status.code === StatusCode.OK) this.recvDrain();
    else if (status instanceof RpcError) this.abandon(status);
    else this.abandon(new RpcError(status.code as StatusCode, status.message));
  }

  private addLoadReport(report: LoadReport): void {
    try {
      this.trailers.set(LOAD_REPORT_KEY, encodeLoadReport(report));
    } catch (error) {
      this.host.log.error("A load report could not be encoded", { method: this.bound.schema.path, error });
    }
  }

  /** Tells everything that still runs for this call to stop. */
  private abandon(reason: RpcError): void {
    this.abortReason = reason;
    this.abortController?.abort(reason);
    this.bound.driver.cancel(this, reason);
    this.recvDrain();
  }

  // ── CallContext ───────────────────────────────────────────────────────────────────────────────────────────

  /** Bytes that a request message may have. */
  get maxReceiveBytes(): number {
    return this.host.messageLimits.maxReceiveBytes;
  }

  get method(): MethodSchema {
    return this.bound.schema;
  }

  get metadata(): Metadata {
    this.requestMetadata ??= metadataFromFields(this.exchange.head.fields);
    return this.requestMetadata;
  }

  get signal(): AbortSignal {
    if (this.abortController === null) {
      this.abortController = new AbortController();
      if (this.abortReason !== null) this.abortController.abort(this.abortReason);
    }
    return this.abortController.signal;
  }

  get deadline(): Date | undefined {
    return Number.isFinite(this.deadlineMs) ? new Date(Date.now() + this.timeLeftMs) : undefined;
  }

  get timeLeftMs(): number {
    return Math.max(0, this.deadlineMs - this.host.deadlines.now());
  }

  get bufferedBytes(): number {
    return this.exchange.bufferedBytes;
  }

  get peer(): Peer {
    return this.exchange.peer;
  }

  get authority(): string {
    return this.exchange.head.authority;
  }

  get responseMetadata(): Metadata {
    this.headerMetadata ??= new Metadata();
    return this.headerMetadata;
  }

  get trailers(): Metadata {
    this.trailerMetadata ??= new Metadata();
    return this.trailerMetadata;
  }

  get loadReport(): LoadReport {
    this.report ??= new LoadReport();
    return this.report;
  }

  wasCompressed(request: object): boolean {
    return this.compressedRequests?.has(request) ?? false;
  }

  onRequest(hook: MessageHook): void {
    this.requestHooks = [...this.requestHooks, hook];
  }

  onReply(hook: MessageHook): void {
    // The innermost interceptor is the last to ask, and the first to hear.
    this.replyHooks = [hook, ...this.replyHooks];
  }

  get headersSent(): boolean {
    return this.hasSentHeaders;
  }

  sendHeaders(): void {
    if (this.hasSentHeaders || this.isOver) return;
    this.hasSentHeaders = true;
    this.writer.writeHeaders(this.headerMetadata);
  }
}

/** A codec may have words of its own for what is wrong; any other error's are kept back. */
function statusOf(error: unknown, message: string): Status {
  return error instanceof RpcError ? error : { code: StatusCode.INTERNAL, message };
}
