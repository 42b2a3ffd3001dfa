import { type Exchange, type ExchangeReceiver, type Peer, RequestHead } from "../exchange.ts";
import { Call, type CallWriter } from "./call.ts";
import { MessageQueue } from "./message-queue.ts";
import { Metadata, metadataToFields } from "./metadata.ts";
import type { Method } from "./method.ts";
import type { CallHost } from "./protocol.ts";
import { RpcError, type Status, StatusCode } from "./status.ts";

export interface InjectOptions {
  readonly metadata?: Metadata;
  /** How long the client waits; for ever when absent. */
  readonly timeoutMs?: number;
  /** Cancels the call, as a client does. */
  readonly signal?: AbortSignal;
}

/** A message, or as many as an iterable has. */
export type Requests = object | Iterable<object> | AsyncIterable<object>;

const NOBODY: Peer = { address: "", port: 0, localAddress: "", localPort: 0 };

/**
 * A call without a connection: it passes through codecs, limits, interceptors and the handler as any other does, and
 * what comes back can be read. The replies can be iterated once.
 */
export class InjectedCall<Reply> implements AsyncIterable<Reply>, CallWriter {
  /** How the call ended; never rejects. */
  readonly status: Promise<Status>;
  /** Complete once the first reply or the status is there. */
  readonly headers = new Metadata();
  /** Complete once the status is there. */
  readonly trailers = new Metadata();
  private readonly call: Call | null;
  private readonly replies: MessageQueue;
  private isFull = false;
  private whenResumed: (() => void) | null = null;
  private isHeldUp = false;
  private settle: (status: Status) => void = () => {};

  constructor(
    host: CallHost,
    private readonly path: string,
    private readonly method: Method | undefined,
    requests: Requests,
    { metadata = new Metadata(), timeoutMs = Number.POSITIVE_INFINITY, signal }: InjectOptions,
  ) {
    this.status = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.replies = new MessageQueue({
      pause: () => {
        this.isFull = true;
      },
      resume: () => {
        this.isFull = false;
        this.call?.recvDrain();
      },
      hold() {},
    });
    if (method === undefined) {
      this.call = null;
      const message = `The server does not implement the method ${path}`;
      this.writeStatus({ code: StatusCode.UNIMPLEMENTED, message }, null, null);
      return;
    }
    const exchange = new NoExchange(path, metadata, () => this.recvReset());
    this.call = new Call(host, exchange, this, method, timeoutMs);
    this.call.open();
    if (signal?.aborted) this.cancel();
    else signal?.addEventListener("abort", () => this.cancel(), { once: true });
    this.send(requests, method).catch((error) => this.fail(error));
  }

  /** The reply of a method with one. @throws RpcError when the call ended otherwise */
  async reply(): Promise<Reply> {
    for await (const reply of this) return reply;
    throw new RpcError(StatusCode.INTERNAL, `${this.path} ended without a reply`);
  }

  [Symbol.asyncIterator](): AsyncIterator<Reply> {
    return this.replies as AsyncIterator<Reply>;
  }

  cancel(): void {
    this.call?.recvCancel("The client cancelled the call");
    this.writeStatus({ code: StatusCode.CANCELLED, message: "The call was cancelled" }, null, null);
  }

  private async send(requests: Requests, { schema }: Method): Promise<void> {
    const all = isIterable(requests) ? requests : [requests];
    for await (const request of all) {
      if (this.call?.isOver) return;
      if (this.isHeldUp) await new Promise<void>((resolve) => (this.whenResumed = resolve));
      this.call?.recvMessage(schema.request.encode(request));
    }
    this.call?.recvEnd();
  }

  /** The requests could not be made: that is the caller's mistake, and no status of the server's. */
  private fail(error: unknown): void {
    this.replies.fail(error);
    this.cancel();
  }

  private recvReset(): void {
    this.writeStatus({ code: StatusCode.DEADLINE_EXCEEDED, message: "Deadline exceeded" }, null, null);
  }

  // ── CallWriter ────────────────────────────────────────────────────────────────────────────────────────────

  writeHeaders(metadata: Metadata | null): void {
    copy(metadata, this.headers);
  }

  writeMessage(message: Uint8Array): boolean {
    this.replies.push(this.method?.schema.response.decode(message), message.length);
    return !this.isFull;
  }

  writeStatus(status: Status, trailers: Metadata | null, responseMetadata: Metadata | null): void {
    copy(responseMetadata, this.headers);
    copy(trailers, this.trailers);
    if (status.code === StatusCode.OK) this.replies.end();
    else
      this.replies.fail(
        status instanceof RpcError ? status : new RpcError(status.code as StatusCode, status.message),
      );
    this.settle(status);
  }

  pause(): void {
    this.isHeldUp = true;
  }

  resume(): void {
    this.isHeldUp = false;
    this.whenResumed?.();
    this.whenResumed = null;
  }

  hold(): void {}
}

/** What a call asks of its exchange when there is none. */
class NoExchange implements Exchange {
  readonly peer = NOBODY;
  readonly httpVersion = "2";
  readonly head: RequestHead;
  readonly requestEnded = false;
  readonly aborted = false;
  readonly bufferedBytes = 0;
  receiver: ExchangeReceiver | null = null;

  constructor(
    path: string,
    metadata: Metadata,
    private readonly onReset: () => void,
  ) {
    const fields: string[] = [];
    metadataToFields(metadata, fields);
    this.head = new RequestHead("POST", "http", "", path, fields);
  }

  pause(): void {}
  resume(): void {}
  beginWork(): void {}
  endWork(): void {}
  hold(): void {}
  respond(): void {}
  write(): boolean {
    return true;
  }
  end(): void {}
  respondAndEnd(): void {}
  abort(): void {
    this.onReset();
  }
  push(): boolean {
    return false;
  }
}

function copy(from: Metadata | null, to: Metadata): void {
  for (const [key, value] of from ?? []) to.append(key, value);
}

function isIterable(requests: Requests): requests is Iterable<object> | AsyncIterable<object> {
  return Symbol.iterator in requests || Symbol.asyncIterator in requests;
}
