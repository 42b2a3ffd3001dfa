import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import type { Http1Server } from "../http1/server.ts";
import { Http2Connection } from "../http2/connection.ts";
import type { Http2Context } from "../http2/context.ts";
import type { Http2Limits } from "../http2/limits.ts";
import { type ConnectionCounts, ConnectionTable } from "./connection-table.ts";
import { Lifetime, type LifetimeOptions } from "./lifetime.ts";
import { isLocal, peerOf } from "./peer.ts";
import { sniffProtocol } from "./protocol-sniffer.ts";
import { SocketHost, systemClock } from "./socket-host.ts";
import { type TlsSettings, tlsOptions } from "./tls-options.ts";

/** Where to listen: port 0 lets the system choose; a path is that of a Unix domain socket. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
}

/** Who may come in, and how. */
export interface EndpointSecurity {
  /** Absent: TLS is not offered. Null: there is no certificate yet, and TLS clients are turned away until there is. */
  readonly tls?: TlsSettings | null | undefined;
  /** Who may speak plaintext HTTP/2 and HTTP/1.1: peers on this machine, everybody, nobody. */
  readonly plaintext: "loopback" | "always" | "never";
}

/** What the endpoints of a listener share. */
export interface EndpointContext {
  readonly limits: Http2Limits;
  readonly lifetime: LifetimeOptions;
  readonly http2: Http2Context;
  readonly http1: Http1Server;
  /** The same, answering everybody why plaintext is refused. */
  readonly http2Refusing: Http2Context;
  readonly http1Refusing: Http1Server;
  readonly counts: ConnectionCounts;
}

/** Connections that may wait to be accepted: Node's 511 turn away a part of a thousand that come at once, for a second
 * and more. The system has a limit of its own, usually this. */
const BACKLOG = 4096;

/** A TLS alert "protocol_version" says more to a TLS client than a closed socket. */
const NO_TLS_HERE = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);

/** One address that is listened on, or a place for sockets that come by another way, and its connections. */
export class Endpoint implements ListenAddress {
  /** As bound; empty and 0 when it listens nowhere, or on a path. */
  host = "";
  port = 0;
  readonly connections: ConnectionTable;
  private server: NetServer | null = null;
  private tlsServer: TlsServer | null = null;

  constructor(
    private readonly context: EndpointContext,
    private readonly security: EndpointSecurity,
    /** The endpoint and its connections are gone for good. */
    private readonly onClosed: (endpoint: Endpoint) => void = () => {},
  ) {
    this.connections = new ConnectionTable(context.limits, context.counts);
    if (security.tls != null) this.tlsServer = this.createTlsServer(security.tls);
  }

  /** @throws the system's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, …) */
  async listen({ host, port, path }: ListenAddress): Promise<void> {
    const options = { noDelay: true, pauseOnConnect: true, highWaterMark: 64 * 1024 };
    const server = createServer(options, (socket) => this.accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ ...(path === undefined ? { host, port } : { path }), backlog: BACKLOG }, () =>
        resolve(),
      );
    });
    // An accept that fails ends nothing: the server goes on when it can.
    server.on("error", () => {});
    this.server = server;
    if (path !== undefined) return;
    const bound = server.address() as AddressInfo;
    this.host = bound.address;
    this.port = bound.port;
  }

  /** Takes certificate and key for the connections from now on; null: there are none. */
  setTls(settings: TlsSettings | null): void {
    // A new one rather than another context for the old: whether clients need a certificate is no part of a context.
    this.tlsServer = settings === null ? null : this.createTlsServer(settings);
  }

  /** Accepts no more connections, and leaves those it has alone. */
  stopListening(): void {
    this.server?.close();
    this.server = null;
  }

  /** Tells the clients of now to go elsewhere, and cancels what they have left after `graceMs`. New ones may come. */
  drain(graceMs: number): void {
    this.connections.drain(graceMs);
  }

  /** Stops listening, lets what runs end, and cuts the rest after `graceMs`. Resolves when every connection is gone. */
  async close(graceMs: number): Promise<void> {
    this.stopListening();
    await this.connections.close(graceMs);
    this.onClosed(this);
  }

  /** Ends everything at once. */
  destroy(): void {
    this.stopListening();
    this.connections.destroyAll();
  }

  /** Takes a connection: a socket, or whatever duplex stream of bytes. */
  accept(socket: Duplex): void {
    if (!this.connections.admit(socket)) {
      socket.destroy();
      return;
    }
    // A reset by the peer is no news; "close" follows and cleans up.
    socket.on("error", () => {});
    // As TCP sockets do by themselves: a peer that sends no more is answered by the end of our side.
    if (socket.allowHalfOpen) socket.once("end", () => socket.end());
    sniffProtocol(socket, this.context.limits.prefaceTimeoutMs, (protocol, firstBytes) => {
      this.connections.recvFirstBytes(socket);
      if (protocol === "tls") this.startTls(socket, firstBytes);
      else this.startPlaintext(socket, protocol, firstBytes);
    });
    socket.resume();
  }

  private startPlaintext(socket: Duplex, protocol: "http2" | "http1", firstBytes: Buffer): void {
    const { plaintext } = this.security;
    const { http2, http2Refusing, http1, http1Refusing } = this.context;
    const isAllowed = plaintext === "always" || (plaintext === "loopback" && isLocal(peerOf(socket)));
    if (protocol === "http2") this.startHttp2(socket, firstBytes, isAllowed ? http2 : http2Refusing);
    else this.startHttp1(socket, firstBytes, isAllowed ? http1 : http1Refusing);
  }

  private startHttp2(socket: Duplex, firstBytes: Buffer | null, context: Http2Context): void {
    const host = new SocketHost(socket);
    const peer = peerOf(socket, this);
    const connection = new Http2Connection(context, host, peer, () => lifetime.watchIdle());
    const lifetime = new Lifetime(systemClock, this.context.lifetime, connection, () => socket.destroy());
    this.connections.addHttp2(socket, connection);
    socket.on("data", () => lifetime.heard());
    socket.on("close", () => {
      lifetime.stop();
      context.observer.closed?.(peer);
    });
    context.observer.opened?.(peer);
    // First, since the first bytes may already be so much work that the connection stops its reading.
    socket.resume();
    host.start(connection, firstBytes);
  }

  private startHttp1(socket: Duplex, firstBytes: Buffer, server: Http1Server): void {
    socket.unshift(firstBytes);
    server.accept(socket, peerOf(socket, this));
    socket.resume();
  }

  // ── TLS ───────────────────────────────────────────────────────────────────────────────────────────────────

  private createTlsServer(tls: TlsSettings): TlsServer {
    const server = createTlsServer({
      ...tlsOptions(tls),
      handshakeTimeout: this.context.limits.tlsHandshakeTimeoutMs,
    });
    server.on("secureConnection", (socket) => this.startSecure(socket));
    // A failed handshake is the peer's affair; without a listener Node would leave the socket open.
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    return server;
  }

  private startTls(socket: Duplex, firstBytes: Buffer): void {
    if (this.tlsServer === null) {
      socket.end(NO_TLS_HERE);
      return;
    }
    socket.unshift(firstBytes);
    this.tlsServer.emit("connection", socket as Socket);
  }

  private startSecure(socket: TLSSocket): void {
    const { http2, http1, limits } = this.context;
    socket.on("error", () => {});
    socket.disableRenegotiation();
    if (socket.alpnProtocol === "h2") {
      this.startHttp2(socket, null, http2);
      return;
    }
    // Without ALPN the first bytes decide; a client that asked for HTTP/1.1 gets it.
    sniffProtocol(socket, limits.prefaceTimeoutMs, (protocol, firstBytes) => {
      if (protocol === "http2") this.startHttp2(socket, firstBytes, http2);
      else this.startHttp1(socket, firstBytes, http1);
    });
  }
}
