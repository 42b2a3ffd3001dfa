import {
  type ChannelCredentials,
  type ClientOptions,
  logVerbosity,
  type ServerCredentials,
  type ServerOptions,
  setLogVerbosity,
} from "@grpc/grpc-js";
import { TestClient } from "./client.ts";
import { type Handlers, service, untyped } from "./service.ts";
import { type GrpcModule, type Subject, subjects } from "./subjects.ts";
import { WireClient } from "./wire-client.ts";

type Server = InstanceType<GrpcModule["Server"]>;

export interface ServeSettings {
  readonly options?: ServerOptions;
  readonly credentials?: ServerCredentials;
  readonly address?: string;
}

/** An answer that the twins are known to give differently, since grpc-js's is a fault. */
export interface Difference<T> {
  readonly grpcJs: T;
  readonly ours: T;
  readonly why: string;
}

/** A server of one twin that listens, and how to reach it. */
export class Served {
  constructor(
    private readonly twin: Twin,
    readonly server: Server,
    readonly port: number,
  ) {}

  /** A client over plaintext. The same each time. */
  get client(): TestClient {
    this.plainClient ??= this.connect();
    return this.plainClient;
  }
  private plainClient: TestClient | undefined = undefined;

  get target(): string {
    return `localhost:${this.port}`;
  }

  connect(creds?: ChannelCredentials, options?: ClientOptions): TestClient {
    return this.twin.connect(this.target, creds, options);
  }

  /** A client that speaks bare HTTP/2. */
  async wire(): Promise<WireClient> {
    const client = await WireClient.connect(this.port);
    this.twin.cleanUp(() => client.close());
    return client;
  }

  tryShutdown(): Promise<void> {
    return shutDown(this.server);
  }
}

/** One twin in one case. Whatever a case has opened by it is closed after the case. */
export class Twin {
  private readonly cleanUps: (() => unknown)[] = [];

  constructor(readonly subject: Subject) {}

  get grpc(): GrpcModule {
    return this.subject.grpc;
  }

  cleanUp(action: () => unknown): void {
    this.cleanUps.push(action);
  }

  async close(): Promise<void> {
    for (const action of this.cleanUps.splice(0).reverse()) await action();
  }

  /** A server without any service. */
  createServer(options?: ServerOptions): Server {
    const server = new this.grpc.Server(options);
    this.cleanUp(() => server.forceShutdown());
    return server;
  }

  /** A server of the test service, on a free port. */
  async serve(handlers: Handlers = {}, settings: ServeSettings = {}): Promise<Served> {
    const server = this.createServer(settings.options);
    server.addService(service, untyped(handlers));
    return this.listen(server, settings);
  }

  async listen(server: Server, settings: ServeSettings = {}): Promise<Served> {
    const { credentials = this.grpc.ServerCredentials.createInsecure(), address = "localhost:0" } = settings;
    return new Served(this, server, await bind(server, address, credentials));
  }

  connect(target: string, creds?: ChannelCredentials, options?: ClientOptions): TestClient {
    const client = new TestClient(target, creds, options);
    this.cleanUp(() => client.close());
    return client;
  }

  /** What this twin is to answer. */
  expected<T>({ grpcJs, ours }: Difference<T>): T {
    return this.subject.name === "grpc-js" ? grpcJs : ours;
  }
}

/** Describes behaviour that both twins must show; each case runs on each of them. */
export function describeTwins(title: string, body: (twin: Twin) => void): void {
  for (const subject of subjects) {
    describe(`${title}, as ${subject.name} does it`, () => {
      const twin = new Twin(subject);
      // Both log what handlers throw and what cannot be bound; the cases do so on purpose.
      before("be quiet", () => setLogVerbosity(logVerbosity.NONE));
      after("speak again", () => setLogVerbosity(logVerbosity.ERROR));
      afterEach("close what was opened", () => twin.close());
      body(twin);
    });
  }
}

export function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

export function shutDown(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)));
  });
}

export type { GrpcModule, Server };
