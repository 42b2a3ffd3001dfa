import { once } from "node:events";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { expect } from "chai";
import { CLIENT_PREFACE } from "../../../src/http2/frame.ts";
import { sniffProtocol, tellProtocol } from "../../../src/transport/protocol-sniffer.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { useFakeTimers } from "../../support/fake-timers.ts";

const told = (text: string) => tellProtocol(Buffer.from(text, "latin1"));

describe("tellProtocol", () => {
  it("waits for the first byte", () => {
    expect(told("")).to.equal(null);
  });

  it("knows TLS by the type of its first record", () => {
    expect(told("\x16")).to.equal("tls");
    expect(told("\x16\x03\x01\x02\x00")).to.equal("tls");
  });

  it("knows HTTP/2 by the first four bytes of its preface, and not before", () => {
    for (let length = 1; length < 4; length++) {
      expect(tellProtocol(CLIENT_PREFACE.subarray(0, length))).to.equal(null);
    }
    for (let length = 4; length <= CLIENT_PREFACE.length; length++) {
      expect(tellProtocol(CLIENT_PREFACE.subarray(0, length))).to.equal("http2");
    }
  });

  for (const text of [
    "G",
    "GET / HTTP/1.1\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "POST",
    "PUT",
    "PROPFIND",
    "PR0",
    "OPTIONS * HTTP/1.1\n",
  ]) {
    it(`takes ${JSON.stringify(text)} for HTTP/1.1`, () => {
      expect(told(text)).to.equal("http1");
    });
  }

  for (const text of ["hello\n", "\r\n\r\n", "SSH-2.0-client\r\n", "GET /\r\n", "GET / HTTP/2.0\r\n\r\n"]) {
    it(`leaves ${JSON.stringify(text)}, a line of no HTTP/1, to the HTTP/2 engine, which ends it`, () => {
      expect(told(text)).to.equal("http2");
    });
  }
});

describe("sniffProtocol", () => {
  let clock: FakeClock;
  let restore: () => void;
  let socket: PassThrough;
  let found: [string, string][];

  beforeEach(() => {
    clock = new FakeClock();
    restore = useFakeTimers(clock);
    socket = new PassThrough();
    found = [];
    sniffProtocol(socket as unknown as Socket, 1000, (protocol, bytes) =>
      found.push([protocol, bytes.toString("latin1")]),
    );
  });
  afterEach(() => {
    restore();
    socket.destroy();
  });

  /** Bytes that arrive one at a time. */
  async function arrive(text: string): Promise<void> {
    for (const byte of text) {
      const seen = once(socket, "data");
      socket.write(byte, "latin1");
      await seen;
    }
  }

  it("gives back everything that it has read, however it came", async () => {
    await arrive("PRI ");
    expect(found).to.deep.equal([["http2", "PRI "]]);
  });

  it("lets go of the socket: paused, without listeners and without a timer", async () => {
    await arrive("G");
    expect(socket.isPaused()).to.equal(true);
    expect(socket.listenerCount("data")).to.equal(0);
    expect(clock.pending).to.equal(0);
  });

  it("destroys a socket that stays silent", async () => {
    await arrive("PRI");
    clock.advance(999);
    expect(socket.destroyed).to.equal(false);
    clock.advance(1);
    expect(socket.destroyed).to.equal(true);
    expect(found).to.deep.equal([]);
  });

  it("leaves no timer behind when the socket closes first", async () => {
    const closed = once(socket, "close");
    socket.destroy();
    await closed;
    expect(clock.pending).to.equal(0);
  });
});
