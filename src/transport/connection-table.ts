import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Http2Connection } from "../http2/connection.ts";
import type { Http2Limits } from "../http2/limits.ts";

/** Node's timers hold 31 bits of milliseconds; a longer one would fire at once, so such a grace never ends. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** How many connections there are, in all and of each address. */
export class ConnectionCounts {
  total = 0;
  private readonly perAddress = new Map<string, number>();

  of(address: string): number {
    return this.perAddress.get(address) ?? 0;
  }

  add(address: string, by: 1 | -1): void {
    this.total += by;
    const count = this.of(address) + by;
    if (count === 0) this.perAddress.delete(address);
    else this.perAddress.set(address, count);
  }
}

/** The connections of an endpoint: counted, limited, and ended together. */
export class ConnectionTable {
  /** Every accepted socket. Over TLS it carries another one, and both close together. */
  private readonly sockets = new Set<Duplex>();
  /** Sockets that have not yet said what they speak: nothing can be lost by closing them. */
  private readonly silent = new Set<Duplex>();
  private readonly http2 = new Set<Http2Connection>();
  private isClosing = false;
  private whenEmpty: (() => void)[] = [];

  constructor(
    private readonly limits: Http2Limits,
    private readonly counts = new ConnectionCounts(),
  ) {}

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
  admit(socket: Duplex): boolean {
    const { maxConnections, maxConnectionsPerAddress } = this.limits;
    const address = (socket as Partial<Socket>).remoteAddress ?? "";
    if (this.isClosing || this.counts.total >= maxConnections) return false;
    if (maxConnectionsPerAddress > 0 && this.counts.of(address) >= maxConnectionsPerAddress) return false;
    this.counts.add(address, 1);
    this.sockets.add(socket);
    this.silent.add(socket);
    socket.once("close", () => this.forget(socket, address));
    return true;
  }

  /** The socket has begun to speak. */
  recvFirstBytes(socket: Duplex): void {
    this.silent.delete(socket);
  }

  /** Takes an HTTP/2 connection, on an accepted socket or on the TLS socket above it. */
  addHttp2(socket: Duplex, connection: Http2Connection): void {
    this.http2.add(connection);
    socket.once("close", () => this.http2.delete(connection));
    if (this.isClosing) connection.drain("graceful_stop");
  }

  /** Drains the connections of now; after `graceMs` the calls that are left are cancelled. */
  drain(graceMs: number): void {
    const drained = [...this.http2];
    for (const connection of drained) connection.drain("graceful_stop");
    if (drained.length === 0 || graceMs > LONGEST_TIMER_MS) return;
    const cancel = () => {
      for (const connection of drained) connection.cancel();
    };
    setTimeout(cancel, graceMs).unref();
  }

  /** Drains every connection and waits; after `graceMs` the rest is cut. Called again, it can only shorten that. */
  async close(graceMs: number): Promise<void> {
    this.isClosing = true;
    for (const socket of this.silent) socket.destroy();
    for (const connection of this.http2) connection.drain("graceful_stop");
    if (this.sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = graceMs > LONGEST_TIMER_MS ? undefined : setTimeout(() => this.destroyAll(), graceMs);
      this.whenEmpty.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  destroyAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private forget(socket: Duplex, address: string): void {
    this.sockets.delete(socket);
    this.silent.delete(socket);
    this.counts.add(address, -1);
    if (this.sockets.size === 0) for (const resolve of this.whenEmpty.splice(0)) resolve();
  }
}
