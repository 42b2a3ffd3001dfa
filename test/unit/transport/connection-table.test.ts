import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { expect } from "chai";
import type { Http2Connection } from "../../../src/http2/connection.ts";
import { defaultLimits } from "../../../src/http2/limits.ts";
import { ConnectionTable } from "../../../src/transport/connection-table.ts";
import { settle } from "../../support/fake-call.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { useFakeTimers } from "../../support/fake-timers.ts";

class FakeSocket extends EventEmitter {
  destroyed = false;

  constructor(readonly remoteAddress: string | undefined = "192.0.2.1") {
    super();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit("close");
  }

  get socket(): Socket {
    return this as unknown as Socket;
  }
}

class FakeConnection {
  readonly drains: string[] = [];

  constructor(readonly streamCount = 0) {}

  drain(reason: string): void {
    this.drains.push(reason);
  }

  get connection(): Http2Connection {
    return this as unknown as Http2Connection;
  }
}

const tableOf = (maxConnections: number, maxConnectionsPerAddress = 0) =>
  new ConnectionTable({ ...defaultLimits, maxConnections, maxConnectionsPerAddress });

describe("ConnectionTable", () => {
  it("takes sockets up to its limit, and more when one has closed", () => {
    const table = tableOf(2);
    const sockets = [new FakeSocket(), new FakeSocket(), new FakeSocket()];
    expect(sockets.map(({ socket }) => table.admit(socket))).to.deep.equal([true, true, false]);
    sockets[0].destroy();
    expect(table.size).to.equal(1);
    expect(table.admit(sockets[2].socket)).to.equal(true);
  });

  it("takes sockets of one address up to its limit, and counts the others apart", () => {
    const table = tableOf(100, 1);
    const first = new FakeSocket("192.0.2.1");
    expect(table.admit(first.socket)).to.equal(true);
    expect(table.admit(new FakeSocket("192.0.2.1").socket)).to.equal(false);
    expect(table.admit(new FakeSocket("192.0.2.2").socket)).to.equal(true);
    first.destroy();
    expect(table.admit(new FakeSocket("192.0.2.1").socket)).to.equal(true);
  });

  it("counts a socket whose address is gone already", () => {
    const table = tableOf(1);
    const socket = new FakeSocket(undefined);
    table.admit(socket.socket);
    socket.destroy();
    expect(table.size).to.equal(0);
  });

  it("counts the streams of all its HTTP/2 connections", () => {
    const table = tableOf(10);
    const [one, two] = [new FakeSocket(), new FakeSocket()];
    table.addHttp2(one.socket, new FakeConnection(3).connection);
    table.addHttp2(two.socket, new FakeConnection(4).connection);
    expect(table.openStreams).to.equal(7);
    one.destroy();
    expect(table.openStreams).to.equal(4);
  });

  describe("when it closes", () => {
    let clock: FakeClock;
    let restore: () => void;
    let table: ConnectionTable;
    let closed: string[];

    beforeEach(() => {
      clock = new FakeClock();
      restore = useFakeTimers(clock);
      table = tableOf(10);
      closed = [];
    });
    afterEach(() => restore());

    function close(graceMs: number, name = "closed"): void {
      void table.close(graceMs).then(() => closed.push(name));
    }

    it("is done at once when there is nothing", async () => {
      close(1000);
      await settle();
      expect(closed).to.deep.equal(["closed"]);
      expect(clock.pending).to.equal(0);
    });

    it("ends sockets that have said nothing, and takes no new ones", async () => {
      const silent = new FakeSocket();
      table.admit(silent.socket);
      close(1000);
      await settle();
      expect(silent.destroyed).to.equal(true);
      expect(closed).to.deep.equal(["closed"]);
      expect(table.admit(new FakeSocket().socket)).to.equal(false);
    });

    it("drains HTTP/2 connections and waits for them, those too that come late", async () => {
      const socket = new FakeSocket();
      const [early, late] = [new FakeConnection(1), new FakeConnection(1)];
      table.admit(socket.socket);
      table.recvFirstBytes(socket.socket);
      table.addHttp2(socket.socket, early.connection);
      close(1000);
      table.addHttp2(socket.socket, late.connection);
      await settle();
      expect([early.drains, late.drains]).to.deep.equal([["graceful_stop"], ["graceful_stop"]]);
      expect([socket.destroyed, closed]).to.deep.equal([false, []]);
      socket.destroy();
      await settle();
      expect(closed).to.deep.equal(["closed"]);
      expect(clock.pending).to.equal(0);
    });

    it("cuts what is left after the grace", async () => {
      const socket = new FakeSocket();
      table.admit(socket.socket);
      table.recvFirstBytes(socket.socket);
      close(1000);
      clock.advance(999);
      expect(socket.destroyed).to.equal(false);
      clock.advance(1);
      expect(socket.destroyed).to.equal(true);
      await settle();
      expect(closed).to.deep.equal(["closed"]);
    });

    it("can be told a second time, with less grace, and both are done", async () => {
      const socket = new FakeSocket();
      table.admit(socket.socket);
      table.recvFirstBytes(socket.socket);
      close(10_000, "first");
      close(10, "second");
      clock.advance(10);
      await settle();
      expect(socket.destroyed).to.equal(true);
      expect(closed).to.deep.equal(["first", "second"]);
      expect(clock.pending).to.equal(0);
    });
  });
});
