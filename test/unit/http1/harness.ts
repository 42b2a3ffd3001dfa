import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type {
  AbortReason,
  Exchange,
  ExchangeHandler,
  ExchangeReceiver,
  FieldList,
} from "../../../src/exchange.ts";
import { type Http1Options, Http1Server } from "../../../src/http1/server.ts";

/** A loopback server that hands each connection to an `Http1Server`, as the listener of the real one does. */
export class Http1Host {
  readonly server: Http1Server;
  private readonly listener: Server;

  constructor(onExchange: ExchangeHandler, options: Partial<Http1Options> = {}) {
    this.server = new Http1Server(onExchange, options);
    this.listener = createServer((socket) => this.server.accept(socket, peerOf(socket)));
  }

  async listen(): Promise<this> {
    this.listener.listen(0, "127.0.0.1");
    await once(this.listener, "listening");
    return this;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  open(): RawClient {
    return new RawClient(connect(this.port, "127.0.0.1"));
  }

  /** Sends `bytes` on a connection of its own and returns all that comes back until the server closes it. */
  async talk(bytes: string): Promise<string> {
    const client = this.open();
    client.send(bytes);
    return client.untilClosed();
  }

  async stop(): Promise<void> {
    this.listener.close();
    await this.server.close(0);
  }
}

export function peerOf(socket: Socket) {
  return {
    address: socket.remoteAddress ?? "",
    port: socket.remotePort ?? 0,
    localAddress: socket.localAddress ?? "",
    localPort: socket.localPort ?? 0,
  };
}

/** A client that sends what it is told and knows nothing of HTTP. */
export class RawClient {
  received = "";
  private onChange: () => void = () => {};
  private closed = false;

  constructor(readonly socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.received += text;
      this.onChange();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      this.onChange();
    });
  }

  send(bytes: string): void {
    this.socket.write(bytes, "latin1");
  }

  /** Resolves with everything received once `text` is part of it. Rejects when the connection closes before. */
  async until(text: string): Promise<string> {
    while (!this.received.includes(text)) {
      if (this.closed)
        throw new Error(`Closed before ${JSON.stringify(text)}: ${JSON.stringify(this.received)}`);
      await this.change();
    }
    return this.received;
  }

  async untilClosed(): Promise<string> {
    while (!this.closed) await this.change();
    return this.received;
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.onChange = resolve;
    });
  }
}

/** Writes down what an exchange's receiver is told, and lets a test wait for it. */
export class Recorder implements ExchangeReceiver {
  body = "";
  trailers: FieldList | null = null;
  readonly aborts: AbortReason[] = [];
  drains = 0;
  private waiters: [() => boolean, () => void][] = [];

  constructor(readonly exchange: Exchange) {
    exchange.receiver = this;
  }

  onData(bytes: Uint8Array): void {
    this.body += Buffer.from(bytes).toString("latin1");
    this.wake();
  }

  onEnd(trailers: FieldList): void {
    this.trailers = trailers;
    this.wake();
  }

  onAbort(reason: AbortReason): void {
    this.aborts.push(reason);
    this.wake();
  }

  onDrain(): void {
    this.drains += 1;
    this.wake();
  }

  async until(condition: (recorder: this) => boolean): Promise<this> {
    if (!condition(this)) {
      await new Promise<void>((resolve) => this.waiters.push([() => condition(this), resolve]));
    }
    return this;
  }

  private wake(): void {
    for (const [condition, resolve] of this.waiters) if (condition()) resolve();
  }
}

/** A handler that gives each exchange a recorder, and a promise of the next one. */
export class Exchanges {
  readonly all: Recorder[] = [];
  private waiters: (() => void)[] = [];

  readonly handler: ExchangeHandler = (exchange) => {
    this.all.push(new Recorder(exchange));
    for (const wake of this.waiters.splice(0)) wake();
  };

  async get(index: number): Promise<Recorder> {
    while (this.all.length <= index) {
      await new Promise<void>((resolve) => {
        this.waiters.push(resolve);
      });
    }
    return this.all[index];
  }
}
