import { type Exchange, FieldSection } from "../exchange.ts";
import type { Schema, ServiceSchema } from "../schema/types.ts";
import {
  defaultLifetime,
  defaultLimits,
  type Http2Limits,
  type LifetimeOptions,
  type ListenAddress,
  Listener,
} from "../transport/listener.ts";
import { Deadlines } from "./deadlines.ts";
import {
  type CallHost,
  defaultMessageLimits,
  type MessageLimits,
  type Protocol,
  type RpcLog,
} from "./protocol.ts";
import type { Route } from "./route.ts";
import {
  type BoundMethod,
  bindService,
  findService,
  ServiceError,
  type ServiceImplementation,
} from "./service.ts";

export type { ListenAddress };

export interface ServerOptions {
  /** What the .proto files define: `loadSchema(["proto"])`. */
  readonly schema: Schema;
  /** PEM texts. Absent: plaintext only. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Who may speak plaintext. Default: peers on a loopback address. */
  readonly plaintext?: "loopback" | "always" | "never";
  readonly limits?: Partial<Http2Limits>;
  readonly messageLimits?: Partial<MessageLimits>;
  readonly lifetime?: Partial<LifetimeOptions>;
  /** False: resources are never pushed, even to clients that allow it. */
  readonly push?: boolean;
  readonly log?: RpcLog;
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

/** A server: methods and routes by path, and the protocols that lead to them. */
export class Server implements CallHost {
  readonly log: RpcLog;
  readonly deadlines = new Deadlines();
  readonly messageLimits: MessageLimits;
  private readonly methods = new Map<string, BoundMethod>();
  private readonly served: ServiceSchema[] = [];
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
    const { log } = this;
    this.listener = new Listener({
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      plaintext: options.plaintext ?? "loopback",
      push: options.push ?? true,
      limits: { ...defaultLimits, ...options.limits },
      lifetime: { ...defaultLifetime, ...options.lifetime },
      rejections: REJECTIONS,
      observer: {
        violation(violation, streamId, peer) {
          log.debug("A peer broke the protocol", { violation: violation.name, streamId, peer: peer.address });
        },
      },
      onExchange: (exchange) => this.accept(exchange),
    });
  }

  /**
   * Serves a service of the schema.
   *
   * @throws ServiceError when the schema has no such service, or a handler is missing, misspelt or given twice
   */
  addService(implementation: ServiceImplementation): void {
    const service = findService(this.options.schema, implementation);
    for (const method of bindService(service, implementation)) {
      const { path } = method.schema;
      if (this.methods.has(path))
        throw new ServiceError(`${path} has a handler already: two services claim it.`);
      this.methods.set(path, method);
    }
    this.served.push(service);
  }

  /** The services that have handlers. */
  get services(): readonly ServiceSchema[] {
    return this.served;
  }

  /** Serves an HTTP route. */
  addRoute(route: Route): void {
    const routes = this.routes.get(route.path);
    if (routes === undefined) this.routes.set(route.path, [route]);
    else routes.push(route);
  }

  /**
   * Listens on one more address; returns where, with the port the system chose.
   *
   * @throws the system's error (`EADDRINUSE`, `EACCES`, …)
   */
  listen(address: ListenAddress): Promise<ListenAddress> {
    return this.listener.listen(address);
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
    const { connections } = this.listener;
    return { connections: connections.size, calls: connections.openStreams };
  }

  // ── CallHost ──────────────────────────────────────────────────────────────────────────────────────────────

  findMethod(path: string): BoundMethod | undefined {
    return this.methods.get(path);
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
    } catch (error) {
      this.log.error("A request could not be taken", { path: exchange.head.path, error });
      exchange.abort("internal");
    }
  }
}
