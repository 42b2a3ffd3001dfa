import { expect } from "chai";
import { FieldSection } from "../../src/exchange.ts";
import type { Http2Stream } from "../../src/http2/stream.ts";
import {
  data,
  Flag,
  FrameType,
  frame,
  headers,
  requestFields,
  rstStream,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { ScriptedPeer, type ScriptOptions } from "../support/scripted-peer.ts";

const INITIAL_WINDOW = 4;
const CANCEL = 8;
const NOT_FOUND = new FieldSection(404, []);
const open = (streamId: number) => headers(streamId, requestFields(), Flag.END_HEADERS);

/** A peer whose socket a test fills and empties. */
function withSocket(options: ScriptOptions = {}): { peer: ScriptedPeer; socket: { pending: number } } {
  const socket = { pending: 0 };
  return { peer: ScriptedPeer.greeted({ ...options, pendingBytes: () => socket.pending }), socket };
}

describe("limits: a peer that asks for much and takes little", () => {
  it("CVE-2026-49975, HTTP/2 bomb: an answer of which a byte is taken every 50 seconds is reset", () => {
    const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer("x".repeat(10_000)) });
    peer.send(settings([INITIAL_WINDOW, 0]), headers(1));
    for (let i = 0; i < 3; i++) peer.wait(50_000).send(windowUpdate(1, 1));
    expect(peer.receiveAll().at(-1)).to.include({ type: "RST_STREAM", streamId: 1, code: "CANCEL" });
    expect(peer.exchanges[0].abortReason).to.equal("refused");
    expect(peer.connection.streamCount).to.equal(0);
  });

  it("an answer of which a kilobyte is taken every minute is sent to its end", () => {
    const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer("x".repeat(20_000)) });
    peer.send(settings([INITIAL_WINDOW, 0]), headers(1));
    for (let i = 0; i < 20; i++) peer.wait(50_000).send(windowUpdate(1, 1024));
    expect(peer.receiveAll().at(-1)).to.include({ type: "DATA", flags: Flag.END_STREAM });
  });

  it("CVE-2016-1546, slow read: a socket that moves does not save the streams that do not", () => {
    const { peer, socket } = withSocket({ onExchange: (recorded) => recorded.answer("x".repeat(10_000)) });
    peer.send(settings([INITIAL_WINDOW, 0]), headers(1));
    for (let second = 0; second < 120; second += 10) {
      socket.pending = 1000;
      peer.connection.flush();
      peer.wait(9000);
      socket.pending = 0;
      peer.connection.onWritable();
      peer.wait(1000);
    }
    expect([peer.violations, peer.isDestroyed]).to.deep.equal([["response-stalled"], false]);
  });

  it("a slow socket lives, though more is written than it takes", () => {
    const { peer, socket } = withSocket();
    peer.send(settings([INITIAL_WINDOW, 0x7fff_ffff]), windowUpdate(0, 0x7000_0000), headers(1));
    const [{ exchange }] = peer.exchanges;
    exchange.respond(new FieldSection(200, []));
    for (let i = 0; i < 20; i++) {
      exchange.write(Buffer.alloc(3000));
      socket.pending += 2000;
      peer.run();
      peer.wait(10_000);
    }
    expect(peer.isDestroyed).to.equal(false);
    peer.wait(40_000);
    expect(peer.isDestroyed).to.equal(true);
  });

  it("CVE-2019-9514, a flood of answers without a body: nothing more is read while they wait for the peer", () => {
    const { peer, socket } = withSocket({ onExchange: ({ exchange }) => exchange.respondAndEnd(NOT_FOUND) });
    socket.pending = 300_000;
    peer.connection.flush();
    for (let id = 1; id < 2001; id += 2) peer.send(headers(id));
    expect([peer.exchanges.length, peer.isReading]).to.deep.equal([101, false]);
    socket.pending = 0;
    peer.connection.onWritable();
    peer.run();
    expect([peer.exchanges.length, peer.isReading]).to.deep.equal([1000, true]);
  });

  it("CVE-2019-9514, long answers without a body count several times", () => {
    const long = new FieldSection(404, ["x", "y".repeat(10_000)]);
    const { peer, socket } = withSocket({ onExchange: ({ exchange }) => exchange.respondAndEnd(long) });
    socket.pending = 300_000;
    peer.connection.flush();
    for (let id = 1; id < 2001; id += 2) peer.send(headers(id));
    expect(peer.exchanges.length).to.be.at.most(4);
  });

  it("CVE-2019-9514, a flood of 431 answers is stopped likewise", () => {
    const { peer, socket } = withSocket();
    const fields = [...requestFields(), ...Array.from({ length: 200 }, () => ["x", "y"]).flat()];
    socket.pending = 300_000;
    peer.connection.flush();
    for (let id = 1; id < 2001; id += 2) peer.send(headers(id, fields));
    expect(peer.isReading).to.equal(false);
    expect(peer.receiveAll()).to.have.length(101);
  });

  it("a fatal error behind unread answers still lets the peer read why: what it sends is read and dropped", () => {
    const { peer, socket } = withSocket();
    socket.pending = 1000;
    peer.send(...Array.from({ length: 100 }, () => settings()), frame(FrameType.PING, 0, 0, Buffer.alloc(7)));
    peer.expectGoAway("FRAME_SIZE_ERROR");
    expect(peer.isReading).to.equal(true);
  });

  it("CVE-2019-9517, streams that are reset behind a closed window leave nothing behind", () => {
    const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer("x".repeat(70_000)) });
    peer.send(settings([INITIAL_WINDOW, 0x7fff_ffff]), headers(1));
    for (let id = 3; id < 20_000; id += 2) {
      peer.send(headers(id), rstStream(id, CANCEL));
      peer.exchanges.pop();
      if (id % 800 === 1) peer.wait(1000);
    }
    const { sender } = peer.connection as unknown as {
      sender: { queues: (Http2Stream[] | undefined)[]; queuedBytes: number };
    };
    expect(sender.queues.flat().length).to.be.at.most(200);
    expect([peer.connection.streamCount, sender.queuedBytes, peer.isEnded]).to.deep.equal([1, 4465, false]);
  });
});

describe("limits: what an honest client may do while handlers are slow", () => {
  it("cancels calls whose handlers do not settle, and tries others: refused, and not ended", () => {
    const peer = ScriptedPeer.greeted({
      limits: { maxConcurrentStreams: 10 },
      onExchange: ({ exchange }) => exchange.beginWork(),
    });
    let id = -1;
    for (let second = 0; second < 30; second++) {
      for (let i = 0; i < 100; i++) {
        id += 2;
        peer.send(headers(id), rstStream(id, CANCEL));
      }
      peer.wait(1000);
    }
    expect([peer.exchanges.length, peer.isEnded]).to.deep.equal([10, false]);
  });

  it("goes beyond the limit of streams that it knows: that is a fault of its own, and ends it after 200", () => {
    const peer = ScriptedPeer.greeted({ limits: { maxConcurrentStreams: 10 } });
    let id = -1;
    while (!peer.isEnded && id < 5000) {
      id += 2;
      peer.send(headers(id));
    }
    expect((id + 1) / 2).to.equal(211);
    peer.expectGoAway("ENHANCE_YOUR_CALM", "too-many-internal-resets");
  });

  it("uploads as much as the initial windows allow before it has read that ours are smaller", () => {
    const limits = { streamWindowBytes: 10_000, connectionWindowBytes: 20_000 };
    const peer = new ScriptedPeer({ limits });
    const body = Buffer.alloc(16_000);
    peer.send(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings(), open(1));
    peer.exchanges[0].exchange.pause();
    peer.send(data(1, body), data(1, body), data(1, body), data(1, body));
    expect(peer.violations).to.deep.equal([]);
    peer.send(data(1, body));
    expect(peer.isEnded || peer.violations.length > 0).to.equal(true);
  });
});
