import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ExchangeHandler, Peer } from "../exchange.ts";
import { Http1Connection, type Http1ConnectionOwner } from "./connection.ts";
import { Http1Exchange } from "./exchange.ts";
import { Refusal, refusalForParserError } from "./refusal.ts";
import { readRequestHead } from "./request-head.ts";

/** Times in milliseconds. */
export interface Http1Options {
  /** For a request's header section, from the opening of the connection or its first byte (slowloris). */
  readonly headersTimeoutMs: number;
  /** For the whole request; 0: no limit. */
  readonly requestTimeoutMs: number;
  /** For an idle connection. Longer than the minute that most load balancers wait, so that they close first: a
   * request sent to a connection that we close meanwhile is lost. */
  readonly keepAliveTimeoutMs: number;
  /** For a peer that takes no byte of what waits for it. */
  readonly responseStallMs: number;
  /** Bytes of a request's header section; beyond it, it is answered 431. */
  readonly maxHeaderBytes: number;
  /** Fields of it. */
  readonly maxHeaderFields: number;
  /** Requests that a client may send ahead of the answers; beyond it, the connection is destroyed. Browsers send
   * none ahead, and without a limit one packet starts a thousand handlers. */
  readonly maxPipelinedRequests: number;
  /** How often the two time limits of a request are looked at. */
  readonly checkIntervalMs: number;
  /** Counts the received bytes that handlers keep; while it is spent, requests are answered 503. */
  readonly memoryBudget: ByteBudget | null;
}

/** A count of bytes with a limit, shared by all connections of a process. */
export interface ByteBudget {
  readonly isSpent: boolean;
  add(bytes: number): void;
}

export const defaultHttp1Options: Http1Options = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 300_000,
  keepAliveTimeoutMs: 75_000,
  responseStallMs: 60_000,
  maxHeaderBytes: 16 * 1024,
  maxHeaderFields: 128,
  maxPipelinedRequests: 32,
  checkIntervalMs: 1000,
  memoryBudget: null,
};

const notConnect = new Refusal(405, "This is no proxy: CONNECT is not allowed.");
const busy = new Refusal(503, "The server has no memory to spare; try again later.");

/**
 * Serves HTTP/1.1 on sockets that somebody else has accepted, plaintext or TLS alike. Parsing is Node's, in its
 * strict mode; what it cannot read is answered 400 and the connection closed (RFC 9112 section 11).
 */
export class Http1Server implements Http1ConnectionOwner {
  draining = false;
  private readonly options: Http1Options;
  private readonly parser: Server;
  private readonly connections = new Map<Duplex, Http1Connection>();
  private readonly onEmpty: (() => void)[] = [];

  constructor(
    private readonly onExchange: ExchangeHandler,
    options: Partial<Http1Options> = {},
  ) {
    this.options = { ...defaultHttp1Options, ...options };
    this.parser = this.createParser();
  }

  get responseStallMs(): number {
    return this.options.responseStallMs;
  }

  get openConnections(): number {
    return this.connections.size;
  }

  /** Takes over a connection. Bytes already read from the socket must have been put back with `unshift`. */
  accept(socket: Duplex, peer: Peer): void {
    if (socket.destroyed) return;
    this.connections.set(socket, new Http1Connection(socket, peer, this));
    this.parser.emit("connection", socket);
  }

  /** Closes the connections on which no request is being answered. */
  closeIdle(): void {
    for (const connection of this.connections.values()) {
      if (connection.openExchanges === 0) connection.closeSoon();
    }
  }

  /** Lets open exchanges finish, each answer saying `connection: close`, and closes the idle connections. */
  drain(): void {
    this.draining = true;
    this.closeIdle();
    if (this.connections.size === 0) this.recvEmpty();
  }

  /**
   * Drains, and destroys after `graceMs` what is left. Settles when no connection is left. A second call can only
   * shorten the grace.
   */
  async close(graceMs: number): Promise<void> {
    this.drain();
    if (this.connections.size === 0) return;
    const timer = setTimeout(() => this.destroyAll(), graceMs);
    await new Promise<void>((resolve) => this.onEmpty.push(resolve));
    clearTimeout(timer);
  }

  countKept(bytes: number): void {
    this.options.memoryBudget?.add(bytes);
  }

  connectionClosed(connection: Http1Connection): void {
    this.connections.delete(connection.socket);
    if (this.draining && this.connections.size === 0) this.recvEmpty();
  }

  private recvEmpty(): void {
    // Ends the parser's interval timer. The callback takes the error that it never listened.
    this.parser.close(() => {});
    for (const resolve of this.onEmpty.splice(0)) resolve();
  }

  private destroyAll(): void {
    for (const connection of this.connections.values()) connection.destroyConnection();
  }

  private createParser(): Server {
    const { options } = this;
    const parser = createServer({
      insecureHTTPParser: false,
      maxHeaderSize: options.maxHeaderBytes,
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      connectionsCheckingInterval: options.checkIntervalMs,
    });
    // Beyond its own limit Node drops fields without a word; ours answers 431 instead.
    parser.maxHeadersCount = 0;
    parser.on("request", (request, response) => this.recvRequest(request, response));
    parser.on("clientError", (error: NodeJS.ErrnoException, socket) => this.recvParserError(error, socket));
    parser.on("connect", (_request, socket) =>
      this.connections.get(socket)?.refuseBytes(notConnect, "refused"),
    );
    // There is no listener for "upgrade", so that Node answers such a request as if the field were not there
    // (RFC 9110 section 7.8 allows it). The time limits start with "listening", though nothing listens here.
    parser.emit("listening");
    return parser;
  }

  private recvRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.connections.get(request.socket);
    if (connection === undefined) {
      request.socket.destroy();
      return;
    }
    if (connection.refused) return;
    const { options } = this;
    const scheme = connection.peer.tls === undefined ? "http" : "https";
    const head = readRequestHead(request, scheme, options.maxHeaderFields);
    if (head instanceof Refusal) connection.refuseRequest(head, response);
    else if (options.memoryBudget?.isSpent) connection.refuseRequest(busy, response);
    else if (connection.openExchanges >= options.maxPipelinedRequests) connection.destroyConnection();
    else {
      const exchange = new Http1Exchange(head, request, response, connection);
      connection.add(exchange);
      this.onExchange(exchange);
      exchange.start();
    }
  }

  private recvParserError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const connection = this.connections.get(socket);
    if (connection === undefined) socket.destroy();
    else if (error.code === "ECONNRESET" || error.code === "EPIPE") socket.destroy();
    else {
      const reason = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "refused" : "protocol-error";
      connection.refuseBytes(refusalForParserError(error.code), reason);
    }
  }
}
