import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "../http2/clock.ts";
import type { Http2Connection } from "../http2/connection.ts";
import type { ConnectionHost } from "../http2/context.ts";

/** Answers up to this size are copied: that costs less than new scratch memory whenever a socket is slow. */
const COPY_UP_TO_BYTES = 4096;
const NOTHING = Buffer.alloc(0);

/** Monotonic time and Node's timers. None of them keeps the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs: number, action: () => void): Timer {
    const timer = setTimeout(action, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Carries an HTTP/2 connection on a TCP or TLS socket. */
export class SocketHost implements ConnectionHost {
  private connection: Http2Connection | null = null;
  private isWatching = false;
  private readonly onWritten = () => {
    this.isWatching = false;
    if (this.socket.writableLength === 0) this.connection?.onWritable();
    else this.watch();
  };

  constructor(private readonly socket: Duplex) {}

  /** Lets the bytes flow, beginning with those that were read to tell the protocol. */
  start(connection: Http2Connection, firstBytes: Buffer | null): void {
    const { socket } = this;
    this.connection = connection;
    socket.on("close", () => connection.lost());
    socket.on("data", (bytes: Buffer) => connection.receive(bytes));
    if (firstBytes !== null) connection.receive(firstBytes);
  }

  get pendingBytes(): number {
    return this.socket.writableLength;
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    const { socket } = this;
    if (!socket.writable) return true;
    if (end - start <= COPY_UP_TO_BYTES) {
      const copy = Buffer.allocUnsafe(end - start);
      bytes.copy(copy, 0, start, end);
      socket.write(copy);
      if (socket.writableLength > 0) this.watch();
      return true;
    }
    socket.write(bytes.subarray(start, end));
    if (socket.writableLength === 0) return true;
    this.watch();
    return false;
  }

  writeMany(pieces: readonly Uint8Array[]): void {
    const { socket } = this;
    if (!socket.writable) return;
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
    if (socket.writableLength > 0) this.watch();
  }

  /** The kernel took less than everything: an empty write behind the others tells when it has. */
  private watch(): void {
    if (this.isWatching || !this.socket.writable) return;
    this.isWatching = true;
    this.socket.write(NOTHING, this.onWritten);
  }

  soon(action: () => void): void {
    process.nextTick(action);
  }

  nextTurn(action: () => void): void {
    setImmediate(action);
  }

  setReading(on: boolean): void {
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  end(): void {
    this.socket.end();
    // What still arrives is read and dropped: unread bytes would turn our FIN into a reset, and the peer would
    // lose the GOAWAY that explains it.
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }
}
