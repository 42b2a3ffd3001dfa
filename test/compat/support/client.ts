import { setImmediate } from "node:timers/promises";
import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  Metadata,
  type StatusObject,
} from "@grpc/grpc-js";
import { defer } from "./defer.ts";
import { deserialize, type Message, serialize, service } from "./service.ts";

type Values = Record<string, (string | Buffer)[]>;

/** A call as its client sees it, from beginning to end. */
export interface Outcome {
  readonly messages: Message[];
  readonly code: number;
  readonly details: string;
  /** Null when there were none before the status. */
  readonly headers: Values | null;
  readonly trailers: Values;
}

export interface Started<Call> {
  readonly call: Call;
  readonly outcome: Promise<Outcome>;
  /** Once response headers have come. */
  readonly headers: Promise<Metadata>;
  /** Lets replies flow in, for a call that has a stream of them. */
  read(): Promise<Outcome>;
}

export interface CallSettings {
  readonly metadata?: Metadata;
  readonly options?: CallOptions;
}

/** grpc-js's client of the test service: what users' clients are. */
export class TestClient {
  readonly client: Client;

  constructor(
    target: string,
    creds: ChannelCredentials = credentials.createInsecure(),
    options: ClientOptions = {},
  ) {
    // Pooled connections would let one case see another's.
    this.client = new Client(target, creds, { "grpc.use_local_subchannel_pool": 1, ...options });
  }

  close(): void {
    this.client.close();
  }

  startUnary(
    message: Message,
    settings: CallSettings = {},
    path = service.Unary.path,
  ): Started<ClientUnaryCall> {
    const { metadata = new Metadata(), options = {} } = settings;
    const replies: Message[] = [];
    const call = this.client.makeUnaryRequest(
      path,
      serialize,
      deserialize,
      message,
      metadata,
      options,
      (_error, reply) => {
        if (reply !== undefined) replies.push(reply);
      },
    );
    return watch(call, replies);
  }

  unary(message: Message = { text: "request" }, settings?: CallSettings, path?: string): Promise<Outcome> {
    return this.startUnary(message, settings, path).outcome;
  }

  startClientStream(settings: CallSettings = {}): Started<ClientWritableStream<Message>> {
    const { metadata = new Metadata(), options = {} } = settings;
    const replies: Message[] = [];
    const call = this.client.makeClientStreamRequest(
      service.ClientStream.path,
      serialize,
      deserialize,
      metadata,
      options,
      (_error, reply) => {
        if (reply !== undefined) replies.push(reply);
      },
    );
    return watch(call, replies);
  }

  clientStream(texts: readonly string[], settings?: CallSettings): Promise<Outcome> {
    const { call, outcome } = this.startClientStream(settings);
    for (const text of texts) call.write({ text });
    call.end();
    return outcome;
  }

  startServerStream(
    message: Message = { text: "request" },
    settings: CallSettings = {},
  ): Started<ClientReadableStream<Message>> {
    const { metadata = new Metadata(), options = {} } = settings;
    const { path } = service.ServerStream;
    const call = this.client.makeServerStreamRequest(
      path,
      serialize,
      deserialize,
      message,
      metadata,
      options,
    );
    return watch(call, []);
  }

  /** Reads all replies. */
  serverStream(message?: Message, settings?: CallSettings): Promise<Outcome> {
    return this.startServerStream(message, settings).read();
  }

  startBidi(settings: CallSettings = {}): Started<ClientDuplexStream<Message, Message>> {
    const { metadata = new Metadata(), options = {} } = settings;
    const { path } = service.Bidi;
    return watch(this.client.makeBidiStreamRequest(path, serialize, deserialize, metadata, options), []);
  }

  /** Sends all requests and reads all replies. */
  bidi(texts: readonly string[], settings?: CallSettings): Promise<Outcome> {
    const { call, read } = this.startBidi(settings);
    for (const text of texts) call.write({ text });
    call.end();
    return read();
  }
}

type ClientCall = Pick<ClientUnaryCall, "on">;

/** Collects what comes back on a call. */
function watch<Call extends ClientCall>(call: Call, messages: Message[]): Started<Call> {
  let received: Metadata | null = null;
  const headers = defer<Metadata>();
  call.on("metadata", (metadata: Metadata) => {
    received = metadata;
    headers.resolve(metadata);
  });
  // Without a listener, an error of a stream would end the process. The status tells the same.
  call.on("error", () => {});
  const outcome = new Promise<StatusObject>((resolve) => call.on("status", resolve)).then(async (status) => {
    // Behind the callback of calls that have one.
    await setImmediate();
    return {
      messages,
      code: status.code,
      details: status.details,
      headers: received === null ? null : valuesOf(received),
      trailers: valuesOf(status.metadata),
    };
  });
  const read = async () => {
    const ended = defer();
    call.on("data", (message: Message) => messages.push(message));
    call.on("end", () => ended.resolve());
    const result = await outcome;
    // The status may overtake replies that the stream has not handed out yet.
    if (result.code === 0) await ended.promise;
    return result;
  };
  return { call, outcome, headers: headers.promise, read };
}

/** What of an answer's metadata is the protocol's; the cases of the wire look at it. */
const PROTOCOL_KEYS = new Set(["date", "content-type", "grpc-encoding", "grpc-accept-encoding"]);

/** All values by key, without those of the protocol. */
export function valuesOf(metadata: Metadata): Values {
  const values: Values = {};
  for (const key of Object.keys(metadata.getMap())) {
    if (!PROTOCOL_KEYS.has(key)) values[key] = metadata.get(key);
  }
  return values;
}

/** Metadata with these values; an array stands for several of one key. */
export function metadataOf(values: Record<string, string | Buffer | readonly string[]>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === "string" || Buffer.isBuffer(value)) metadata.set(key, value);
    else for (const item of value) metadata.add(key, item);
  }
  return metadata;
}
