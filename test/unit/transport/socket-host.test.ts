import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { expect } from "chai";
import type { Http2Connection } from "../../../src/http2/connection.ts";
import { SocketHost, systemClock } from "../../../src/transport/socket-host.ts";

/** Writes down what a host tells its connection. */
class FakeConnection {
  received = "";
  isLost = false;
  private readonly waiting: (() => void)[] = [];

  receive(bytes: Buffer): void {
    this.received += bytes.toString();
    this.wake();
  }
  lost(): void {
    this.isLost = true;
    this.wake();
  }
  onWritable(): void {
    this.writables++;
    this.wake();
  }
  writables = 0;

  /** Resolves at the next thing that is told. */
  next(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

describe("SocketHost", () => {
  let server: Server;
  let ours: Socket;
  let theirs: Socket;
  let host: SocketHost;
  let connection: FakeConnection;

  beforeEach(async () => {
    server = createServer({ pauseOnConnect: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    theirs = connect((server.address() as AddressInfo).port, "127.0.0.1");
    [ours] = (await once(server, "connection")) as [Socket];
    ours.on("error", () => {});
    theirs.on("error", () => {});
    host = new SocketHost(ours);
    connection = new FakeConnection();
    host.start(connection as unknown as Http2Connection, Buffer.from("first "));
    ours.resume();
  });
  afterEach(() => {
    ours.destroy();
    theirs.destroy();
    server.close();
  });

  async function read(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of theirs.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      pieces.push(piece);
      size += piece.length;
      if (size >= length) break;
    }
    return Buffer.concat(pieces);
  }

  it("hands on the bytes that were read before, then those that come", async () => {
    expect(connection.received).to.equal("first ");
    theirs.write("second");
    await connection.next();
    expect(connection.received).to.equal("first second");
  });

  it("copies a small answer, so that its memory may be used again at once", async () => {
    const scratch = Buffer.from("-answer-");
    expect(host.write(scratch, 1, 7)).to.equal(true);
    scratch.fill(0);
    expect((await read(6)).toString()).to.equal("answer");
  });

  it("sends a large answer and pieces in order", async () => {
    const large = Buffer.alloc(100_000, "a");
    host.write(large, 0, large.length);
    host.writeMany([Buffer.from("b"), Buffer.alloc(50_000, "c")]);
    const bytes = await read(150_001);
    expect(bytes.toString()).to.equal(`${"a".repeat(100_000)}b${"c".repeat(50_000)}`);
  });

  it("tells what the socket has not taken, and when it has", async () => {
    theirs.pause();
    const piece = Buffer.alloc(1_000_000, "a");
    let sent = 0;
    while (host.pendingBytes === 0) {
      const isFree = host.write(Buffer.from(piece), 0, piece.length);
      sent += piece.length;
      expect(isFree).to.equal(host.pendingBytes === 0);
    }
    expect(connection.writables).to.equal(0);
    const told = connection.next();
    const bytes = await read(sent);
    await told;
    expect(bytes.length).to.equal(sent);
    expect(connection.writables).to.equal(1);
    expect(host.pendingBytes).to.equal(0);
  });

  it("stops and resumes its reading", async () => {
    host.setReading(false);
    expect(ours.isPaused()).to.equal(true);
    theirs.write("later");
    host.setReading(true);
    await connection.next();
    expect(connection.received).to.equal("first later");
  });

  it("ends after what was written, and still reads what comes", async () => {
    host.write(Buffer.from("bye"), 0, 3);
    host.setReading(false);
    host.end();
    const bytes: Buffer[] = [];
    theirs.on("data", (piece: Buffer) => bytes.push(piece));
    await once(theirs, "end");
    expect(Buffer.concat(bytes).toString()).to.equal("bye");
    expect(ours.isPaused()).to.equal(false);
  });

  it("says that the connection is lost when the peer drops it", async () => {
    theirs.resetAndDestroy();
    await connection.next();
    expect(connection.isLost).to.equal(true);
    expect(host.write(Buffer.from("late"), 0, 4)).to.equal(true);
    host.writeMany([Buffer.from("late")]);
  });

  it("runs things soon and later, in this order", async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      host.nextTurn(() => {
        order.push("next turn");
        resolve();
      });
      host.soon(() => order.push("soon"));
      order.push("now");
    });
    expect(order).to.deep.equal(["now", "soon", "next turn"]);
  });
});

describe("systemClock", () => {
  it("is monotonic, and its timers can be cancelled", async () => {
    const before = systemClock.now();
    const cancelled = systemClock.after(1, () => expect.fail("it ran"));
    cancelled.cancel();
    // Its timers keep no process alive, so something else must.
    const alive = setInterval(() => {}, 1000);
    await new Promise<void>((resolve) => systemClock.after(2, resolve));
    clearInterval(alive);
    expect(systemClock.now() - before).to.be.greaterThan(1);
  });
});
