import { type AbortCode, type Exchange, type ExchangeReceiver, RequestHead } from "../../src/exchange.ts";
import { Call, type CallWriter } from "../../src/rpc/call.ts";
import type { Metadata, MetadataValue } from "../../src/rpc/metadata.ts";
import type { Method } from "../../src/rpc/method.ts";
import type { Status } from "../../src/rpc/status.ts";
import { FakeClock } from "./fake-clock.ts";
import { useFakeTimers } from "./fake-timers.ts";
import { TestHost, textMethod } from "./test-host.ts";

export { FakeClock, TestHost, textMethod, useFakeTimers };

/** An exchange of which a call uses the head, the count of work and the end. */
export class FakeExchange implements Exchange {
  readonly peer = { address: "192.0.2.1", port: 50_000, localAddress: "192.0.2.2", localPort: 8443 };
  readonly httpVersion = "2";
  receiver: ExchangeReceiver | null = null;
  requestEnded = false;
  aborted = false;
  abortCode: AbortCode | null = null;
  bufferedBytes = 0;
  /** How many handlers have begun, and how many of them have ended. */
  begun = 0;
  ended = 0;

  constructor(
    readonly head = new RequestHead("POST", "http", "test.example", "/test.Test/Method", ["x-one", "1"]),
  ) {}

  pause(): void {}
  resume(): void {}
  beginWork(): void {
    this.begun++;
  }
  endWork(): void {
    this.ended++;
  }
  hold(): void {}
  respond(): void {}
  write(): boolean {
    return true;
  }
  end(): void {}
  respondAndEnd(): void {}
  abort(code: AbortCode): void {
    this.aborted = true;
    this.abortCode = code;
  }
  push(): boolean {
    return false;
  }
}

/** Writes down what a call sends. */
export class FakeWriter implements CallWriter {
  readonly messages: string[] = [];
  readonly statuses: Status[] = [];
  headers: [string, MetadataValue][] | null = null;
  trailers: [string, MetadataValue][] = [];
  /** The answer to `writeMessage`. */
  hasRoom = true;
  isPaused = false;
  heldBytes = 0;

  writeHeaders(metadata: Metadata | null): void {
    this.headers = [...(metadata ?? [])];
  }
  writeMessage(message: Uint8Array): boolean {
    this.messages.push(Buffer.from(message).toString());
    return this.hasRoom;
  }
  writeStatus(status: Status, trailers: Metadata | null, responseMetadata: Metadata | null): void {
    this.statuses.push({ code: status.code, message: status.message });
    this.trailers = [...(trailers ?? [])];
    if (responseMetadata !== null) this.headers = [...responseMetadata];
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  hold(bytes: number): void {
    this.heldBytes += bytes;
  }
}

/** A call on hand-made parts. */
export class FakeCall {
  readonly exchange = new FakeExchange();
  readonly writer = new FakeWriter();
  readonly call: Call;

  constructor(
    method: Method,
    readonly host = new TestHost(),
    timeoutMs = Number.POSITIVE_INFINITY,
  ) {
    this.call = new Call(host, this.exchange, this.writer, method, timeoutMs);
    this.call.open();
  }

  /** The client sends messages. */
  send(...texts: string[]): this {
    for (const text of texts) this.call.recvMessage(Buffer.from(text, "latin1"));
    return this;
  }

  /** The client sends messages and ends its side. */
  sendLast(...texts: string[]): this {
    this.send(...texts).call.recvEnd();
    return this;
  }

  /** What the client is told in the end: code and message of each status. */
  get ends(): string[] {
    return this.writer.statuses.map(({ code, message }) => `${code} ${message}`.trim());
  }
}

/** Lets every promise settle that can. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
