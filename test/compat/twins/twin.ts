import { readFileSync } from "node:fs";
import * as real from "@grpc/grpc-js";
import { expect } from "chai";
import * as ours from "../../../src/compat/grpc-js/index.ts";
import { developmentCertificate } from "../../../src/transport/dev-certificate.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

export type Grpc = typeof real;
export type Server = InstanceType<Grpc["Server"]>;
export type Handlers = Record<string, unknown>;

/** The server whose answers are asked for, and the one that has to give the same. */
const subjects: readonly (readonly [name: string, grpc: Grpc])[] = [
  ["@grpc/grpc-js", real],
  ["yodel/grpc-js", ours as unknown as Grpc],
];

const text = {
  serialize: (value: string) => Buffer.from(value),
  deserialize: (bytes: Buffer) => bytes.toString(),
};

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Echo/${name}`,
    originalName: name[0].toLowerCase() + name.slice(1),
    requestStream,
    responseStream,
    requestSerialize: text.serialize,
    requestDeserialize: text.deserialize,
    responseSerialize: text.serialize,
    responseDeserialize: text.deserialize,
  };
}

/** Messages are texts. */
export const echo = {
  Unary: method("Unary", false, false),
  Gather: method("Gather", true, false),
  Scatter: method("Scatter", false, true),
  Chat: method("Chat", true, true),
};

/** How a call ended for its client. */
export interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly messages: string[];
  readonly headers: Record<string, unknown>;
  readonly trailers: Record<string, unknown>;
}

export interface CallSettings {
  readonly metadata?: readonly (readonly [string, string | Buffer])[];
  readonly options?: real.CallOptions;
  /** Called for each reply. */
  readonly onReply?: (call: real.ClientDuplexStream<string, string>) => void;
}

let certificate: { cert: Buffer; key: Buffer; ca: Buffer } | undefined;

/** A certificate for localhost, which is good for clients, too. */
export async function testCertificate(): Promise<{ cert: Buffer; key: Buffer; ca: Buffer }> {
  if (certificate === undefined) {
    const folder = temporaryFolder({});
    const { credentials, caPath } = await developmentCertificate({ directory: folder.path });
    const { cert, key } = credentials;
    certificate = { cert: Buffer.from(cert), key: Buffer.from(key), ca: readFileSync(caPath!) };
    folder.remove();
  }
  return certificate;
}

/** A server of one of the two, and a client of grpc-js for it. */
export class Twin {
  readonly server: Server;
  port = 0;
  clientOptions: real.ClientOptions = {};
  clientCredentials = real.credentials.createInsecure();
  private current: real.Client | null = null;
  private readonly clients: real.Client[] = [];

  constructor(
    readonly grpc: Grpc,
    readonly isOurs: boolean,
    options: object = {},
  ) {
    this.server = new grpc.Server(options);
  }

  /** A server with other options. The first one is forgotten. */
  withOptions(options: object): Twin {
    return keep(new Twin(this.grpc, this.isOurs, options));
  }

  add(handlers: Handlers): this {
    this.server.addService(echo as never, handlers as never);
    return this;
  }

  bind(
    address = "127.0.0.1:0",
    credentials: unknown = this.grpc.ServerCredentials.createInsecure(),
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.bindAsync(address, credentials as never, (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  /** Serves these handlers on a port of its own. */
  async serve(handlers: Handlers, credentials?: unknown): Promise<this> {
    this.add(handlers);
    this.port = await this.bind("127.0.0.1:0", credentials);
    return this;
  }

  get client(): real.Client {
    this.current ??= this.newClient(`127.0.0.1:${this.port}`);
    return this.current;
  }

  newClient(target: string, options: real.ClientOptions = {}): real.Client {
    const client = new real.Client(target, this.clientCredentials, {
      ...this.clientOptions,
      ...options,
      "grpc.use_local_subchannel_pool": 1,
    });
    this.clients.push(client);
    return client;
  }

  /** A call of `Unary`, `Gather`, `Scatter` or `Chat`; requests that its kind does not stream are one. */
  call(
    name: keyof typeof echo,
    requests: string | string[] = "",
    settings: CallSettings = {},
  ): Promise<Outcome> {
    return callWith(this.client, name, requests, settings);
  }

  /** The short form: code and details, or the replies. */
  async short(
    name: keyof typeof echo,
    requests?: string | string[],
    settings?: CallSettings,
  ): Promise<unknown> {
    const { code, details, messages } = await this.call(name, requests, settings);
    return code === 0 ? messages : [code, details, ...messages];
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    this.server.forceShutdown();
    await new Promise((resolve) => this.server.tryShutdown(resolve));
  }
}

export function callWith(
  client: real.Client,
  name: keyof typeof echo,
  requests: string | string[],
  { metadata = [], options = {}, onReply }: CallSettings,
): Promise<Outcome> {
  const { path, requestStream } = echo[name];
  const sent = new real.Metadata();
  for (const [key, value] of metadata) sent.add(key, value);
  // A duplex call is what every kind is on the wire.
  const call = client.makeBidiStreamRequest(path, text.serialize, text.deserialize, sent, options);
  const messages: string[] = [];
  let headers: Record<string, unknown> = {};
  return new Promise((resolve) => {
    call.on("metadata", (received: real.Metadata) => {
      headers = toRecord(received);
    });
    call.on("data", (reply: string) => {
      messages.push(reply);
      onReply?.(call);
    });
    call.on("error", () => {});
    call.on("status", ({ code, details, metadata: trailers }: real.StatusObject) =>
      resolve({ code, details, messages, headers, trailers: toRecord(trailers) }),
    );
    for (const request of Array.isArray(requests) ? requests : [requests]) call.write(request);
    if (!requestStream || onReply === undefined) call.end();
  });
}

export function toRecord(metadata: real.Metadata): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const key of Object.keys(metadata.getMap()).sort()) {
    if (key === "date" || key === "grpc-accept-encoding" || key === "grpc-encoding" || key === "content-type")
      continue;
    const values = metadata
      .get(key)
      .map((value) => (typeof value === "string" ? value : `bytes ${value.toString("hex")}`));
    record[key] = values.length === 1 ? values[0] : values;
  }
  return record;
}

const open: Twin[] = [];

function keep(twin: Twin): Twin {
  open.push(twin);
  return twin;
}

export type Case = (
  name: string,
  run: (twin: Twin) => unknown,
  expected: unknown,
  /** Where ours gives another answer, because grpc-js's is a known fault. */
  better?: { readonly answer: unknown; readonly because: string },
) => void;

/** Cases that run on both servers, and must have the same result on both. */
export function describeTwins(title: string, define: (same: Case) => void): void {
  for (const [name, grpc] of subjects) {
    const isOurs = name !== "@grpc/grpc-js";
    describe(`${title}, on ${name}`, () => {
      afterEach(async () => {
        for (const twin of open.splice(0)) await twin.close();
      });
      define((caseName, run, expected, better) => {
        const isBetter = isOurs && better !== undefined;
        it(isBetter ? `${caseName} (better: ${better.because})` : caseName, async () => {
          const result = await run(keep(new Twin(grpc, isOurs)));
          expect(result).to.deep.equal(isBetter ? better.answer : expected);
        });
      });
    });
  }
}

/** What a function throws. */
export function thrown(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "nothing";
}

/** What a promise is rejected with. */
export async function rejected(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing",
    (error: Error) => error.message,
  );
}

/** Resolves when it is called. */
export function signal<T = void>(): { readonly done: Promise<T>; readonly set: (value: T) => void } {
  let set: (value: T) => void = () => {};
  const done = new Promise<T>((resolve) => {
    set = resolve;
  });
  return { done, set };
}
