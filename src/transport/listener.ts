import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import type { ExchangeHandler } from "../exchange.ts";
import { Http1Server } from "../http1/server.ts";
import { Http2Connection } from "../http2/connection.ts";
import type { ConnectionObserver, Http2Context } from "../http2/context.ts";
import { defaultLimits, type Http2Limits } from "../http2/limits.ts";
import { MemoryBudget } from "../http2/memory-budget.ts";
import { SharedScratch } from "../http2/output.ts";
import type { Rejections } from "../http2/streams.ts";
import { ConnectionTable } from "./connection-table.ts";
import { defaultLifetime, Lifetime, type LifetimeOptions } from "./lifetime.ts";
import { isLoopback, peerOf } from "./peer.ts";
import { refusePlaintext } from "./plaintext-refusal.ts";
import { sniffProtocol } from "./protocol-sniffer.ts";
import { SocketHost, systemClock } from "./socket-host.ts";
import { tlsOptions } from "./tls-options.ts";

export { defaultLifetime, defaultLimits, type Http2Limits, type LifetimeOptions };

/** Where to listen. Port 0 lets the system choose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenerOptions {
  /** PEM. Absent: TLS is not offered. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Who may speak plaintext HTTP/2 and HTTP/1.1: loopback peers, everybody, nobody. */
  readonly plaintext: "loopback" | "always" | "never";
  /** Whether resources may be pushed to clients that allow it. */
  readonly push: boolean;
  readonly limits: Http2Limits;
  readonly lifetime: LifetimeOptions;
  readonly rejections: Rejections;
  readonly observer: ConnectionObserver;
  readonly onExchange: ExchangeHandler;
}

/** Listens on addresses, tells TLS, HTTP/2 and HTTP/1.1 apart on each connection, and ends them all in good order. */
export class Listener {
  private readonly servers: NetServer[] = [];
  private readonly tlsServer: TlsServer | null;
  private readonly http1: Http1Server;
  private readonly http1Refusing: Http1Server;
  private readonly context: Http2Context;
  private readonly refusingContext: Http2Context;
  readonly connections: ConnectionTable;

  constructor(private readonly options: ListenerOptions) {
    const { limits, push, rejections, observer, onExchange } = options;
    const budget = new MemoryBudget(limits.memoryBudgetBytes);
    const scratch = new SharedScratch();
    this.context = { limits, push, clock: systemClock, budget, scratch, rejections, observer, onExchange };
    this.refusingContext = { ...this.context, onExchange: refusePlaintext };
    this.http1 = new Http1Server(onExchange, { memoryBudget: budget });
    this.http1Refusing = new Http1Server(refusePlaintext);
    this.connections = new ConnectionTable(limits);
    this.tlsServer = options.tls === undefined ? null : this.createTlsServer(options.tls);
  }

  /**
   * Listens on one more address and returns where, with the port the system chose.
   *
   * @throws the system's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, …)
   */
  async listen(address: ListenAddress): Promise<ListenAddress> {
    const server = createServer({ noDelay: true, pauseOnConnect: true, highWaterMark: 64 * 1024 }, (socket) =>
      this.accept(socket),
    );
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: address.host, port: address.port }, () => resolve());
    });
    // Running out of file descriptors shows here; the server goes on accepting when some are free again.
    server.on("error", () => {});
    this.servers.push(server);
    const bound = server.address() as AddressInfo;
    return { host: bound.address, port: bound.port };
  }

  /** Stops accepting, lets what runs end, and cuts the rest after `graceMs`. Resolves when every connection is gone. */
  async close(graceMs: number): Promise<void> {
    for (const server of this.servers) server.close();
    this.tlsServer?.close();
    this.http1.drain();
    this.http1Refusing.drain();
    await this.connections.close(graceMs);
  }

  /** Ends everything at once. */
  destroy(): void {
    for (const server of this.servers) server.close();
    this.connections.destroyAll();
  }

  private accept(socket: Socket): void {
    if (!this.connections.admit(socket)) {
      socket.destroy();
      return;
    }
    // A reset by the peer is no news; "close" follows and cleans up.
    socket.on("error", () => {});
    const { limits } = this.options;
    sniffProtocol(socket, limits.prefaceTimeoutMs, (protocol, firstBytes) => {
      this.connections.recvFirstBytes(socket);
      if (protocol === "tls") this.startTls(socket, firstBytes);
      else this.startPlaintext(socket, protocol, firstBytes);
    });
    socket.resume();
  }

  private startPlaintext(socket: Socket, protocol: "http2" | "http1", firstBytes: Buffer): void {
    const { plaintext } = this.options;
    const isAllowed =
      plaintext === "always" || (plaintext === "loopback" && isLoopback(peerOf(socket).localAddress));
    if (protocol === "http2")
      this.startHttp2(socket, firstBytes, isAllowed ? this.context : this.refusingContext);
    else this.startHttp1(socket, firstBytes, isAllowed ? this.http1 : this.http1Refusing);
  }

  private startHttp2(socket: Socket, firstBytes: Buffer | null, context: Http2Context): void {
    const host = new SocketHost(socket);
    const peer = peerOf(socket);
    const connection = new Http2Connection(context, host, peer, () => lifetime.watchIdle());
    const lifetime = new Lifetime(systemClock, this.options.lifetime, connection, () => socket.destroy());
    this.connections.addHttp2(socket, connection);
    socket.on("data", () => lifetime.heard());
    socket.on("close", () => lifetime.stop());
    // First, since the first bytes may already be so much work that the connection stops its reading.
    socket.resume();
    host.start(connection, firstBytes);
  }

  private startHttp1(socket: Socket, firstBytes: Buffer, server: Http1Server): void {
    socket.unshift(firstBytes);
    server.accept(socket, peerOf(socket));
    socket.resume();
  }

  // ── TLS ───────────────────────────────────────────────────────────────────────────────────────────────────

  private createTlsServer(tls: { cert: string; key: string }): TlsServer {
    const server = createTlsServer({
      ...tlsOptions(tls),
      handshakeTimeout: this.options.limits.tlsHandshakeTimeoutMs,
    });
    server.on("secureConnection", (socket) => this.startSecure(socket));
    // A failed handshake is the peer's affair; without a listener Node would leave the socket open.
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    return server;
  }

  private startTls(socket: Socket, firstBytes: Buffer): void {
    if (this.tlsServer === null) {
      // A TLS alert "protocol_version" says more to a TLS client than a closed socket.
      socket.end(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]));
      return;
    }
    socket.unshift(firstBytes);
    this.tlsServer.emit("connection", socket);
  }

  private startSecure(socket: TLSSocket): void {
    socket.on("error", () => {});
    socket.disableRenegotiation();
    if (socket.alpnProtocol === "h2") {
      this.startHttp2(socket, null, this.context);
      return;
    }
    // Without ALPN the first bytes decide; a client that asked for HTTP/1.1 gets it.
    sniffProtocol(socket, this.options.limits.prefaceTimeoutMs, (protocol, firstBytes) => {
      if (protocol === "http2") this.startHttp2(socket, firstBytes, this.context);
      else this.startHttp1(socket, firstBytes, this.http1);
    });
  }
}
