import type { Method } from "../../src/rpc/method.ts";
import { REJECTIONS } from "../../src/rpc/server.ts";
import { settle } from "./fake-call.ts";
import { data, Flag, FrameType, headers, requestFields, rstStream } from "./frames.ts";
import { ScriptedPeer, type ScriptOptions, type SentFrame } from "./scripted-peer.ts";
import { TestHost } from "./test-host.ts";

/** A message in its envelope. */
export function message(text: string, flag = 0): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([prefix(bytes.length, flag), bytes]);
}

/** The five bytes before a message, true or lying. */
export function prefix(length: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = flag;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** What a server answered on one stream. */
export interface Answer {
  /** `:status` and the header fields; empty when there were none. */
  readonly headers: Record<string, string>;
  readonly messages: string[];
  /** The body, when it is no messages. */
  readonly body: string;
  /** Null after an answer in one piece (Trailers-Only). */
  readonly trailers: Record<string, string> | null;
  /** The code of RST_STREAM, if there was one. */
  readonly reset: string | undefined;
  /** True once the server has ended the stream. */
  readonly isEnded: boolean;
}

export interface GrpcPeerOptions extends ScriptOptions {
  readonly host?: TestHost;
}

/** A client that says gRPC on the wire, byte by byte as a test wants it, and a server of `methods` before it. */
export class GrpcPeer {
  readonly host: TestHost;
  readonly peer: ScriptedPeer;
  private nextId = 1;
  private readonly frames: SentFrame[] = [];

  constructor(methods: readonly Method[], options: GrpcPeerOptions = {}) {
    this.host = options.host ?? new TestHost();
    this.host.methods.push(...methods);
    this.peer = ScriptedPeer.greeted({
      rejections: REJECTIONS,
      onExchange: ({ exchange }) => this.host.accept(exchange),
      ...options,
    });
  }

  /** Opens a call of `/test.Test/Method` and returns its stream. `more` are header fields behind the usual ones. */
  open(more: readonly string[] = [], path = "/test.Test/Method"): number {
    return this.openWith(
      requestFields(path, ["content-type", "application/grpc", "te", "trailers", ...more]),
    );
  }

  /** Opens a stream with exactly these header fields. */
  openWith(fields: readonly string[], endStream = false): number {
    const streamId = this.nextId;
    this.nextId += 2;
    this.peer.send(headers(streamId, fields, Flag.END_HEADERS | (endStream ? Flag.END_STREAM : 0)));
    return streamId;
  }

  /** Sends a piece of the body. */
  send(streamId: number, ...pieces: Uint8Array[]): this {
    this.peer.send(data(streamId, Buffer.concat(pieces)));
    return this;
  }

  /** Sends the last piece of the body. */
  sendLast(streamId: number, ...pieces: Uint8Array[]): this {
    this.peer.send(data(streamId, Buffer.concat(pieces), Flag.END_STREAM));
    return this;
  }

  /** Cancels a call. */
  reset(streamId: number): this {
    this.peer.send(rstStream(streamId, 8));
    return this;
  }

  /** A call from its first byte to its last. */
  async call(body: Uint8Array, more: readonly string[] = [], path?: string): Promise<Answer> {
    const streamId = this.open(more, path);
    return this.sendLast(streamId, body).answer(streamId);
  }

  /** What the server has answered on a stream, once every promise has settled that can. */
  async answer(streamId: number): Promise<Answer> {
    await settle();
    this.frames.push(...this.peer.receiveAll());
    const frames = this.frames.filter((frame) => frame.streamId === streamId);
    const sections = frames
      .filter(({ type }) => type === "HEADERS")
      .map(({ fields }) => toRecord(fields ?? []));
    const body = Buffer.concat(frames.filter(({ type }) => type === "DATA").map(({ payload }) => payload));
    const reset = frames.find(({ type }) => type === "RST_STREAM");
    const isEnd = ({ type, flags }: SentFrame) =>
      (type === "HEADERS" || type === "DATA") && (flags & Flag.END_STREAM) !== 0;
    return {
      headers: sections[0] ?? {},
      messages: messagesOf(body),
      body: body.toString(),
      trailers: sections[1] ?? null,
      reset: reset?.code,
      isEnded: frames.some(isEnd),
    };
  }
}

function toRecord(fields: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let i = 0; i < fields.length; i += 2) record[fields[i]] = fields[i + 1];
  return record;
}

function messagesOf(body: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at + 5 <= body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    messages.push(body.toString("latin1", at + 5, end));
    at = end;
  }
  return messages;
}

export { FrameType };
