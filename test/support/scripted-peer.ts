import { expect } from "chai";
import type { AbortReason, Exchange, ExchangeReceiver, FieldList, Peer } from "../../src/exchange.ts";
import { FieldSection } from "../../src/exchange.ts";
import { Http2Connection } from "../../src/http2/connection.ts";
import type { ConnectionHost } from "../../src/http2/context.ts";
import type { Rejections } from "../../src/http2/header-blocks.ts";
import { HpackDecoder } from "../../src/http2/hpack/decoder.ts";
import { defaultLimits, type Http2Limits } from "../../src/http2/limits.ts";
import { MemoryBudget } from "../../src/http2/memory-budget.ts";
import { SharedScratch } from "../../src/http2/output.ts";
import { ErrorCode } from "../../src/http2/violations.ts";
import { FakeClock } from "./fake-clock.ts";
import { CLIENT_PREFACE, Flag, FrameType, settings, settingsAck } from "./frames.ts";

/** A frame that the server sent, taken apart as far as tests ask. */
export interface SentFrame {
  readonly type: string;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
  /** Of HEADERS and PUSH_PROMISE. */
  readonly fields?: string[];
  /** Of RST_STREAM and GOAWAY, by name. */
  readonly code?: string;
  /** Of WINDOW_UPDATE. */
  readonly increment?: number;
  /** Of GOAWAY. */
  readonly lastStreamId?: number;
  readonly debugData?: string;
}

const TYPE_NAMES = new Map<number, string>(Object.entries(FrameType).map(([name, type]) => [type, name]));
const CODE_NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]));
const PEER: Peer = { address: "192.0.2.1", port: 50_000, localAddress: "192.0.2.2", localPort: 8443 };

const BARE_REJECTIONS: Rejections = {
  badRequest: new FieldSection(400, []),
  headersTooLarge: new FieldSection(431, []),
};

/** An exchange as a test sees it: what arrived, and the exchange to answer on. */
export class RecordedExchange implements ExchangeReceiver {
  body = "";
  trailers: FieldList | null = null;
  abortReason: AbortReason | null = null;
  drains = 0;

  constructor(readonly exchange: Exchange) {
    exchange.receiver = this;
  }

  onData(bytes: Uint8Array): void {
    this.body += Buffer.from(bytes).toString("latin1");
  }

  onEnd(trailers: FieldList): void {
    this.trailers = trailers;
  }

  onAbort(reason: AbortReason): void {
    this.abortReason = reason;
  }

  onDrain(): void {
    this.drains++;
  }

  /** Answers 200 with a body. */
  answer(body = "answer"): void {
    this.exchange.respond(new FieldSection(200, ["content-type", "text/plain"]));
    this.exchange.write(Buffer.from(body));
    this.exchange.end();
  }
}

export interface ScriptOptions {
  readonly limits?: Partial<Http2Limits>;
  /** Called for every exchange; by default they are only recorded. */
  readonly onExchange?: (recorded: RecordedExchange) => void;
  /** Answers to requests that never become an exchange; by default bare ones. */
  readonly rejections?: Rejections;
  /** Called when the last stream is gone. */
  readonly onIdle?: () => void;
  /** Bytes that the socket holds back, for a peer that does not read. */
  readonly pendingBytes?: () => number;
}

/** A client that says exactly what a test tells it to, and the connection under test. */
export class ScriptedPeer {
  readonly clock = new FakeClock();
  readonly exchanges: RecordedExchange[] = [];
  readonly violations: string[] = [];
  /** What handlers and receivers have thrown. */
  readonly faults: unknown[] = [];
  readonly budget: MemoryBudget;
  readonly connection: Http2Connection;
  /** Bytes that the server sent and `expect` has not read yet. */
  private sent = Buffer.alloc(0);
  private readonly decoder = new HpackDecoder(4096, {
    maxListBytes: 1 << 20,
    maxFields: 10_000,
    absoluteListBytes: 1 << 21,
  });
  private soon: (() => void)[] = [];
  private later: (() => void)[] = [];
  isReading = true;
  isEnded = false;
  isDestroyed = false;
  writes = 0;

  constructor(options: ScriptOptions = {}) {
    const limits = { ...defaultLimits, ...options.limits };
    this.budget = new MemoryBudget(limits.memoryBudgetBytes);
    const host: ConnectionHost = {
      write: (bytes, start, end) => {
        this.writes++;
        this.sent = Buffer.concat([this.sent, bytes.subarray(start, end)]);
        return true;
      },
      writeMany: (pieces) => {
        this.writes++;
        this.sent = Buffer.concat([this.sent, ...pieces]);
      },
      get pendingBytes() {
        return options.pendingBytes?.() ?? 0;
      },
      soon: (action) => this.soon.push(action),
      nextTurn: (action) => this.later.push(action),
      setReading: (on) => {
        this.isReading = on;
      },
      end: () => {
        this.isEnded = true;
      },
      destroy: () => {
        this.isDestroyed = true;
      },
    };
    this.connection = new Http2Connection(
      {
        limits,
        push: true,
        clock: this.clock,
        budget: this.budget,
        scratch: new SharedScratch(),
        rejections: options.rejections ?? BARE_REJECTIONS,
        observer: {
          violation: (violation) => this.violations.push(violation.name),
          fault: (error) => this.faults.push(error),
        },
        onExchange: (exchange) => {
          const recorded = new RecordedExchange(exchange);
          this.exchanges.push(recorded);
          options.onExchange?.(recorded);
        },
      },
      host,
      PEER,
      options.onIdle,
    );
  }

  /** A peer whose handshake is done, with nothing left to expect. */
  static greeted(options: ScriptOptions = {}): ScriptedPeer {
    const peer = new ScriptedPeer(options);
    peer.send(CLIENT_PREFACE, settings(), settingsAck());
    peer.receiveAll();
    return peer;
  }

  /** Sends bytes in one piece, and lets everything happen that follows at once. */
  send(...pieces: Uint8Array[]): this {
    this.connection.receive(Buffer.concat(pieces));
    this.run();
    return this;
  }

  /** Sends the same bytes one at a time. */
  sendByteByByte(...pieces: Uint8Array[]): this {
    for (const byte of Buffer.concat(pieces)) this.connection.receive(Buffer.from([byte]));
    this.run();
    return this;
  }

  /** Runs what the connection has put off, until nothing is left. */
  run(): void {
    while (this.soon.length + this.later.length > 0) {
      const actions = this.soon.length > 0 ? this.soon : this.later;
      if (actions === this.soon) this.soon = [];
      else this.later = [];
      for (const action of actions) action();
    }
  }

  /** Moves the clock and lets everything happen. */
  wait(ms: number): this {
    this.clock.advance(ms);
    this.run();
    return this;
  }

  /** The next frame; fails when there is none. */
  receive(): SentFrame {
    this.run();
    expect(this.sent.length, "bytes of a frame from the server").to.be.at.least(9);
    const length = this.sent.readUIntBE(0, 3);
    const [type, flags] = [this.sent[3], this.sent[4]];
    const streamId = this.sent.readUInt32BE(5);
    const payload = Buffer.from(this.sent.subarray(9, 9 + length));
    expect(payload.length, "a whole frame").to.equal(length);
    this.sent = this.sent.subarray(9 + length);
    return {
      type: TYPE_NAMES.get(type) ?? String(type),
      flags,
      streamId,
      payload,
      ...this.parse(type, payload),
    };
  }

  /** Every frame that waits. */
  receiveAll(): SentFrame[] {
    const frames: SentFrame[] = [];
    this.run();
    while (this.sent.length > 0) frames.push(this.receive());
    return frames;
  }

  /** Expects the next frame to have these properties, and returns it. */
  expect(expected: Partial<SentFrame>): SentFrame {
    const frame = this.receive();
    for (const [key, value] of Object.entries(expected)) {
      expect(frame[key as keyof SentFrame], `${key} of ${frame.type}`).to.deep.equal(value);
    }
    return frame;
  }

  /** Expects that the server has nothing more to say. */
  expectNothing(): void {
    expect(this.receiveAll().map(({ type, code }) => `${type} ${code ?? ""}`)).to.deep.equal([]);
  }

  /** Expects a connection error: GOAWAY with this code, then the end. */
  expectGoAway(code: keyof typeof ErrorCode, violation?: string): SentFrame {
    const frame = this.receiveAll().at(-1);
    expect(frame?.type, `the last frame (violations: ${this.violations.join(", ")})`).to.equal("GOAWAY");
    expect(frame?.code).to.equal(code);
    expect(this.isEnded, "the connection is ended").to.equal(true);
    if (violation !== undefined) expect(this.violations.at(-1)).to.equal(violation);
    return frame as SentFrame;
  }

  /** Expects a stream error as the next frame, and the connection to live. */
  expectReset(streamId: number, code: keyof typeof ErrorCode, violation?: string): void {
    this.expect({ type: "RST_STREAM", streamId, code });
    expect(this.isEnded, "the connection lives").to.equal(false);
    if (violation !== undefined) expect(this.violations.at(-1)).to.equal(violation);
  }

  private parse(type: number, payload: Buffer): Partial<SentFrame> {
    switch (type) {
      case FrameType.HEADERS:
        return { fields: this.decoder.decode(payload, 0, payload.length).fields };
      case FrameType.PUSH_PROMISE:
        return { fields: this.decoder.decode(payload, 4, payload.length).fields };
      case FrameType.RST_STREAM:
        return { code: CODE_NAMES.get(payload.readUInt32BE(0)) as string };
      case FrameType.WINDOW_UPDATE:
        return { increment: payload.readUInt32BE(0) };
      case FrameType.GOAWAY:
        return {
          lastStreamId: payload.readUInt32BE(0),
          code: CODE_NAMES.get(payload.readUInt32BE(4)) as string,
          debugData: payload.toString("latin1", 8),
        };
      default:
        return {};
    }
  }
}

export { Flag };
