import { type Exchange, FieldSection, type Peer } from "../exchange.ts";
import type { Schema, ServiceSchema } from "../schema/types.ts";
import {
  defaultLifetime,
  defaultLimits,
  type Endpoint,
  type EndpointSecurity,
  type Http2Limits,
  type LifetimeOptions,
  type ListenAddress,
  Listener,
  type TlsSettings,
} from "../transport/listener.ts";
import { type CompressionOptions, defaultCompression } from "./compression.ts";
import { Deadlines } from "./deadlines.ts";
import { InjectedCall, type InjectOptions, type Requests } from "./inject.ts";
import type { Interceptor } from "./interceptor.ts";
import type { Method } from "./method.ts";
import {
  type CallHost,
  defaultMessageLimits,
  defaultWording,
  type MessageLimits,
  noTimeouts,
  type Protocol,
  type RpcLog,
  type Timeouts,
  type Wording,
} from "./protocol.ts";
import type { Route } from "./route.ts";
import { bindService, findService, ServiceError, type ServiceImplementation } from "./service.ts";
import { type UnknownHandler, unknownMethod } from "./unknown-method.ts";

export type { Endpoint, EndpointSecurity, ListenAddress, TlsSettings };

export interface ServerOptions {
  /** What the .proto files define: `loadSchema(["proto"])`. */
  readonly schema: Schema;
  /** Certificate and key, in PEM; with `clientCa` every client must show a certificate. Absent: plaintext only. */
  readonly tls?: TlsSettings;
  /** Who may speak plaintext. Default: peers on a loopback address. */
  readonly plaintext?: "loopback" | "always" | "never";
  readonly limits?: Partial<Http2Limits>;
  readonly messageLimits?: Partial<MessageLimits>;
  /** How replies are compressed. Requests may always be. */
  readonly compression?: Partial<CompressionOptions>;
  /** How long calls may take. Default: as long as their clients wait. */
  readonly timeouts?: Partial<Timeouts>;
  readonly wording?: Wording;
  /** Around every handler of every service; the first one is outermost. */
  readonly interceptors?: readonly Interceptor[];
  readonly lifetime?: Partial<LifetimeOptions>;
  /** False: resources are never pushed, even to clients that allow it. */
  readonly push?: boolean;
  readonly log?: RpcLog;
  readonly observer?: ServerObserver;
}

/** Hears what happens on the HTTP/2 connections of a server. A peer is one object from the first event to the last. */
export interface ServerObserver {
  connectionOpened?(peer: Peer): void;
  connectionClosed?(peer: Peer): void;
}

const silent: RpcLog = { debug() {}, warn() {}, error() {} };

/** gRPC clients look for `grpc-status` in whatever answer they get; to others it is a field like any other. */
export const REJECTIONS = {
  badRequest: new FieldSection(400, [
    "content-type",
    "application/grpc",
    "grpc-status",
    "13",
    "grpc-message",
    "more than one authority or host",
  ]),
  headersTooLarge: new FieldSection(431, [
    "content-type",
    "application/grpc",
    "grpc-status",
    "8",
    "grpc-message",
    "header list too large",
  ]),
};

/** "If Content-Type does not begin with "application/grpc", gRPC servers SHOULD respond with HTTP status of 415". */
const UNSUPPORTED = new FieldSection(415, [
  "content-type",
  "application/grpc",
  "grpc-status",
  "3",
  "grpc-message",
  "this is a gRPC server: the content-type must be application/grpc",
]);

/** A server: methods and routes by path, and the protocols that lead to them. */
export class Server implements CallHost {
  readonly log: RpcLog;
  readonly deadlines = new Deadlines();
  readonly messageLimits: MessageLimits;
  readonly compression: CompressionOptions;
  readonly timeouts: Timeouts;
  readonly wording: Wording;
  registry: object = {};
  private readonly methods = new Map<string, Method>();
  private readonly served = new Map<string, ServiceSchema>();
  private unknownHandler: UnknownHandler | null = null;
  private readonly routes = new Map<string, Route[]>();
  private readonly listener: Listener;

  constructor(
    private readonly options: ServerOptions,
    /** Asked in this order. */
    private readonly protocols: readonly Protocol[],
  ) {
    this.log = options.log ?? silent;
    const limits = { ...defaultMessageLimits, ...options.messageLimits };
    // The prefix of a message has 32 bits for its length.
    const maxSendBytes = Math.min(limits.maxSendBytes, defaultMessageLimits.maxSendBytes);
    this.messageLimits = { ...limits, maxSendBytes };
    this.compression = { ...defaultCompression, ...options.compression };
    this.timeouts = { ...noTimeouts, ...options.timeouts };
    this.wording = options.wording ?? defaultWording;
    const { log } = this;
    this.listener = new Listener({
      tls: options.tls,
      plaintext: options.plaintext ?? "loopback",
      push: options.push ?? true,
      limits: { ...defaultLimits, ...options.limits },
      lifetime: { ...defaultLifetime, ...options.lifetime },
      rejections: REJECTIONS,
      observer: {
        opened: (peer) => options.observer?.connectionOpened?.(peer),
        closed: (peer) => options.observer?.connectionClosed?.(peer),
        fault(error, peer) {
          log.error("A request could not be served", { error, peer: peer.address });
        },
        violation(violation, streamId, peer) {
          log.debug("A peer broke the protocol", { violation: violation.name, streamId, peer: peer.address });
        },
      },
      onExchange: (exchange) => this.accept(exchange),
    });
  }

  /**
   * Serves a service of the schema; also while the server runs.
   *
   * @throws ServiceError when the schema has no such service, or a handler is missing, misspelt or given twice
   */
  addService(implementation: ServiceImplementation): void {
    const service = findService(this.options.schema, implementation);
    const methods = bindService(service, implementation, this.options.interceptors);
    for (const method of methods) this.checkIsFree(method);
    for (const method of methods) this.addMethod(method);
    this.served.set(service.name, service);
  }

  /** Serves a service no longer; calls that run go on. False when it was not served. */
  removeService(name: string): boolean {
    const service = this.served.get(name);
    if (service === undefined) return false;
    for (const { path } of service.methods) this.removeMethod(path);
    return this.served.delete(name);
  }

  /**
   * Serves a method with a driver of its own: for another style of handlers.
   *
   * @throws ServiceError when the path is taken
   */
  addMethod(method: Method): void {
    this.checkIsFree(method);
    this.methods.set(method.schema.path, method);
    this.registry = {};
  }

  /** Serves a method no longer; calls that run go on. False when it was not served. */
  removeMethod(path: string): boolean {
    this.registry = {};
    return this.methods.delete(path);
  }

  private checkIsFree({ schema: { path } }: Method): void {
    if (this.methods.has(path))
      throw new ServiceError(`${path} has a handler already: two services claim it.`);
  }

  /** Answers the calls of methods that nobody serves, in bytes: for proxies and mocks. Null: they are UNIMPLEMENTED. */
  handleUnknown(handler: UnknownHandler | null): void {
    this.unknownHandler = handler;
    this.registry = {};
  }

  /** The services that have handlers. */
  get services(): readonly ServiceSchema[] {
    return [...this.served.values()];
  }

  /** Serves an HTTP route. */
  addRoute(route: Route): void {
    const routes = this.routes.get(route.path);
    if (routes === undefined) this.routes.set(route.path, [route]);
    else routes.push(route);
  }

  /**
   * Listens on one more address; the endpoint says where, with the port the system chose.
   *
   * @param security what is different there from the server's own settings
   * @throws the system's error (`EADDRINUSE`, `EACCES`, …)
   */
  listen(address: ListenAddress, security?: Partial<EndpointSecurity>): Promise<Endpoint> {
    return this.listener.listen(address, security);
  }

  /** An endpoint that listens nowhere: connections are given to it by `accept`. */
  createEndpoint(security?: Partial<EndpointSecurity>): Endpoint {
    return this.listener.createEndpoint(security);
  }

  /** Tells the clients of now to go elsewhere, and cancels what they have left after `graceMs`. New ones may come. */
  drain(graceMs: number): void {
    this.listener.drain(graceMs);
  }

  /**
   * Stops in good order: accepts no more connections, tells every client to go elsewhere, lets running calls finish
   * and cuts what is left after `graceMs`. Resolves when all connections are gone.
   */
  close(graceMs = 30_000): Promise<void> {
    return this.listener.close(graceMs);
  }

  /** Ends everything at once. */
  destroy(): void {
    this.listener.destroy();
  }

  /** Connections and HTTP/2 streams that are open now. */
  get load(): { readonly connections: number; readonly calls: number } {
    const { connectionCount, openStreams } = this.listener;
    return { connections: connectionCount, calls: openStreams };
  }

  /**
   * Calls a method without a connection, for tests: `await server.inject("helloworld.Greeter/SayHello", { name: "Ada" }).reply()`.
   *
   * @typeParam Reply the type of a reply, as handlers of clients see it
   * @param path `package.Service/Method`, with or without a slash before it
   * @param requests one message, or an iterable of them
   */
  inject<Reply = unknown>(
    path: string,
    requests: Requests,
    options: InjectOptions = {},
  ): InjectedCall<Reply> {
    const fullPath = path.startsWith("/") ? path : `/${path}`;
    return new InjectedCall(this, fullPath, this.findMethod(fullPath), requests, options);
  }

  // ── CallHost ──────────────────────────────────────────────────────────────────────────────────────────────

  findMethod(path: string): Method | undefined {
    const method = this.methods.get(path);
    if (method !== undefined || this.unknownHandler === null) return method;
    return unknownMethod(path, this.unknownHandler, this.options.interceptors);
  }

  findRoutes(path: string): readonly Route[] {
    return this.routes.get(path) ?? [];
  }

  describe(): string[] {
    const routes = [...this.routes.values()]
      .flat()
      .map(({ methods, path }) => `${methods.join(" ")} ${path}`);
    return [...routes, ...[...this.methods.keys()].map((path) => `gRPC ${path}`)];
  }

  private accept(exchange: Exchange): void {
    try {
      for (const protocol of this.protocols) if (protocol.accept(exchange, this)) return;
      exchange.respondAndEnd(UNSUPPORTED);
    } catch (error) {
      this.log.error("A request could not be taken", { path: exchange.head.path, error });
      exchange.abort("internal");
    }
  }
}
