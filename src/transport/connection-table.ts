import type { Socket } from "node:net";
import type { Http2Connection } from "../http2/connection.ts";
import type { Http2Limits } from "../http2/limits.ts";

/** The connections of a listener: counted, limited, and ended together. */
export class ConnectionTable {
  /** Every accepted socket. Over TLS it carries another one, and both close together. */
  private readonly sockets = new Set<Socket>();
  /** Sockets that have not yet said what they speak: nothing can be lost by closing them. */
  private readonly silent = new Set<Socket>();
  private readonly http2 = new Set<Http2Connection>();
  private readonly perAddress = new Map<string, number>();
  private isClosing = false;
  private whenEmpty: (() => void)[] = [];

  constructor(private readonly limits: Http2Limits) {}

  get size(): number {
    return this.sockets.size;
  }

  /** Streams of HTTP/2 that are open now: calls that a drain waits for. */
  get openStreams(): number {
    let count = 0;
    for (const connection of this.http2) count += connection.streamCount;
    return count;
  }

  /** Counts a new socket; false when there are too many, in all or of its address. */
  admit(socket: Socket): boolean {
    const { maxConnections, maxConnectionsPerAddress } = this.limits;
    const address = socket.remoteAddress ?? "";
    const ofAddress = this.perAddress.get(address) ?? 0;
    if (this.isClosing || this.sockets.size >= maxConnections) return false;
    if (maxConnectionsPerAddress > 0 && ofAddress >= maxConnectionsPerAddress) return false;
    this.perAddress.set(address, ofAddress + 1);
    this.sockets.add(socket);
    this.silent.add(socket);
    socket.once("close", () => this.forget(socket, address));
    return true;
  }

  /** The socket has begun to speak. */
  recvFirstBytes(socket: Socket): void {
    this.silent.delete(socket);
  }

  /** Takes an HTTP/2 connection, on an accepted socket or on the TLS socket above it. */
  addHttp2(socket: Socket, connection: Http2Connection): void {
    this.http2.add(connection);
    socket.once("close", () => this.http2.delete(connection));
    if (this.isClosing) connection.drain("graceful_stop");
  }

  /** Drains every connection and waits; after `graceMs` the rest is cut. Called again, it can only shorten that. */
  async close(graceMs: number): Promise<void> {
    this.isClosing = true;
    for (const socket of this.silent) socket.destroy();
    for (const connection of this.http2) connection.drain("graceful_stop");
    if (this.sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.destroyAll(), graceMs);
      this.whenEmpty.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  destroyAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private forget(socket: Socket, address: string): void {
    this.sockets.delete(socket);
    this.silent.delete(socket);
    const left = (this.perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.perAddress.delete(address);
    else this.perAddress.set(address, left);
    if (this.sockets.size === 0) for (const resolve of this.whenEmpty.splice(0)) resolve();
  }
}
