import { fileURLToPath } from "node:url";
import {
  type CallOptions,
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { ServerProcess } from "./server-process.ts";

const protoFiles = ["../../proto/helloworld/greeter.proto", "../e2e/fixture/proto/probe.proto"];
const definition = loadSync(protoFiles.map((path) => fileURLToPath(new URL(path, import.meta.url))));
const packages = loadPackageDefinition(definition) as unknown as {
  helloworld: { Greeter: ServiceClientConstructor };
  test: { Probe: ServiceClientConstructor };
};

type Message = Record<string, string>;

/** The end of a call, as a client sees it. */
export interface Outcome {
  readonly reply: Message | undefined;
  readonly error: ServiceError | null;
  readonly headers: Metadata | undefined;
  readonly trailers: Metadata;
}

/** The four kinds of calls of grpc-js's client, by the method's name. */
export class GrpcClient {
  private readonly client: Client;

  constructor(service: "Greeter" | "Probe", server: ServerProcess, use: ChannelCredentials) {
    const Constructor = service === "Greeter" ? packages.helloworld.Greeter : packages.test.Probe;
    // A server for each client: pooled connections would let one test see another's.
    this.client = new Constructor(`localhost:${server.port}`, use, { "grpc.use_local_subchannel_pool": 1 });
  }

  static overTls(service: "Greeter" | "Probe", server: ServerProcess): GrpcClient {
    return new GrpcClient(service, server, credentials.createSsl(server.ca));
  }

  static overPlaintext(service: "Greeter" | "Probe", server: ServerProcess): GrpcClient {
    return new GrpcClient(service, server, credentials.createInsecure());
  }

  close(): void {
    this.client.close();
  }

  /** A unary call, and what can cancel it. */
  start(method: string, request: Message, metadata = new Metadata(), options: CallOptions = {}) {
    let cancel = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      let headers: Metadata | undefined;
      let ended: { error: ServiceError | null; reply: Message | undefined };
      const call = this.method(method)(
        request,
        metadata,
        options,
        (error: ServiceError | null, reply?: Message) => {
          ended = { error, reply };
        },
      );
      call.on("metadata", (value: Metadata) => {
        headers = value;
      });
      // The status comes after the callback.
      call.on("status", (status: { metadata: Metadata }) =>
        setImmediate(() => resolve({ ...ended, headers, trailers: status.metadata })),
      );
      cancel = () => call.cancel();
    });
    return { outcome, cancel };
  }

  unary(method: string, request: Message, metadata?: Metadata, options?: CallOptions): Promise<Outcome> {
    return this.start(method, request, metadata, options).outcome;
  }

  /** Sends requests and returns the one reply. */
  clientStream(method: string, requests: readonly Message[]): Promise<Message> {
    return new Promise((resolve, reject) => {
      const call = this.method(method)((error: ServiceError | null, reply: Message) =>
        error === null ? resolve(reply) : reject(error),
      );
      for (const request of requests) call.write(request);
      call.end();
    });
  }

  serverStream(method: string, request: Message): ClientReadableStream<Message> {
    return this.method(method)(request);
  }

  bidi(method: string): ClientDuplexStream<Message, Message> {
    return this.method(method)();
  }

  // biome-ignore lint/suspicious/noExplicitAny: grpc-js makes its methods when the .proto file is loaded
  private method(name: string): (...parameters: any[]) => any {
    const client = this.client as unknown as Record<string, () => unknown>;
    return client[name].bind(client);
  }
}
