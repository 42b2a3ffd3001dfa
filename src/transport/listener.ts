import type { ExchangeHandler } from "../exchange.ts";
import { Http1Server } from "../http1/server.ts";
import type { ConnectionObserver, Http2Context } from "../http2/context.ts";
import type { Rejections } from "../http2/header-blocks.ts";
import { defaultLimits, type Http2Limits } from "../http2/limits.ts";
import { MemoryBudget } from "../http2/memory-budget.ts";
import { SharedScratch } from "../http2/output.ts";
import { ConnectionCounts } from "./connection-table.ts";
import { Endpoint, type EndpointContext, type EndpointSecurity, type ListenAddress } from "./endpoint.ts";
import { defaultLifetime, type LifetimeOptions } from "./lifetime.ts";
import { refusePlaintext } from "./plaintext-refusal.ts";
import { systemClock } from "./socket-host.ts";
import type { TlsSettings } from "./tls-options.ts";

export {
  defaultLifetime,
  defaultLimits,
  Endpoint,
  type EndpointSecurity,
  type Http2Limits,
  type LifetimeOptions,
  type ListenAddress,
  type TlsSettings,
};

export interface ListenerOptions extends EndpointSecurity {
  /** Whether resources may be pushed to clients that allow it. */
  readonly push: boolean;
  readonly limits: Http2Limits;
  readonly lifetime: LifetimeOptions;
  readonly rejections: Rejections;
  readonly observer: ConnectionObserver;
  readonly onExchange: ExchangeHandler;
}

/** All endpoints of a server, and what their connections share: limits, the memory budget, the handler of exchanges. */
export class Listener {
  private readonly endpoints = new Set<Endpoint>();
  private readonly context: EndpointContext;

  constructor(private readonly options: ListenerOptions) {
    const { limits, lifetime, push, rejections, observer, onExchange } = options;
    const budget = new MemoryBudget(limits.memoryBudgetBytes);
    const scratch = new SharedScratch();
    const http2: Http2Context = {
      limits,
      push,
      clock: systemClock,
      budget,
      scratch,
      rejections,
      observer,
      onExchange,
    };
    this.context = {
      limits,
      lifetime,
      http2,
      http2Refusing: { ...http2, onExchange: refusePlaintext },
      http1: new Http1Server(onExchange, { memoryBudget: budget }),
      http1Refusing: new Http1Server(refusePlaintext),
      counts: new ConnectionCounts(),
    };
  }

  /** A new endpoint that listens nowhere yet: sockets may be given to it. */
  createEndpoint(security: Partial<EndpointSecurity> = {}): Endpoint {
    const endpoint = new Endpoint(this.context, { ...this.options, ...security }, (closed) =>
      this.endpoints.delete(closed),
    );
    this.endpoints.add(endpoint);
    return endpoint;
  }

  /**
   * Listens on one more address; the endpoint says where, with the port the system chose.
   *
   * @throws the system's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, …)
   */
  async listen(address: ListenAddress, security: Partial<EndpointSecurity> = {}): Promise<Endpoint> {
    const endpoint = this.createEndpoint(security);
    try {
      await endpoint.listen(address);
    } catch (error) {
      this.endpoints.delete(endpoint);
      throw error;
    }
    return endpoint;
  }

  get connectionCount(): number {
    return this.context.counts.total;
  }

  /** Streams of HTTP/2 that are open now: calls that a drain waits for. */
  get openStreams(): number {
    let count = 0;
    for (const { connections } of this.endpoints) count += connections.openStreams;
    return count;
  }

  /** Tells the clients of now to go elsewhere, and cancels what they have left after `graceMs`. New ones may come. */
  drain(graceMs: number): void {
    for (const endpoint of this.endpoints) endpoint.drain(graceMs);
  }

  /** Stops accepting, lets what runs end, and cuts the rest after `graceMs`. Resolves when every connection is gone. */
  async close(graceMs: number): Promise<void> {
    this.context.http1.drain();
    this.context.http1Refusing.drain();
    await Promise.all([...this.endpoints].map((endpoint) => endpoint.close(graceMs)));
  }

  /** Ends everything at once. */
  destroy(): void {
    for (const endpoint of this.endpoints) endpoint.destroy();
  }
}
