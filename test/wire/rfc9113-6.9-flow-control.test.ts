import { expect } from "chai";
import { FieldSection } from "../../src/exchange.ts";
import {
  data,
  Flag,
  headers,
  ping,
  requestFields,
  rstStream,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { ScriptedPeer, type SentFrame } from "../support/scripted-peer.ts";

const INITIAL_WINDOW = 4;
const open = (streamId: number) => headers(streamId, requestFields(), Flag.END_HEADERS);
const bodyBytes = (frames: SentFrame[], streamId?: number) =>
  frames
    .filter((frame) => frame.type === "DATA" && (streamId === undefined || frame.streamId === streamId))
    .reduce((sum, { payload }) => sum + payload.length, 0);

/** A peer whose every request is answered with a body of so many bytes. */
function served(bytes: number): ScriptedPeer {
  return ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer("x".repeat(bytes)) });
}

describe("RFC 9113 section 6.9: flow control, sending", () => {
  it("sends no more than the stream's window, and the rest as it opens", () => {
    const peer = served(10);
    peer.send(settings([INITIAL_WINDOW, 3]), headers(1));
    expect(bodyBytes(peer.receiveAll())).to.equal(3);
    peer.send(windowUpdate(1, 5));
    expect(bodyBytes(peer.receiveAll())).to.equal(5);
    peer.send(windowUpdate(1, 5));
    const rest = peer.receiveAll();
    expect(bodyBytes(rest)).to.equal(2);
    expect(rest.at(-1)).to.include({ type: "DATA", flags: Flag.END_STREAM });
  });

  it("sends no more than the connection's window, and streams take turns when it opens", () => {
    const peer = served(100_000);
    peer.send(settings([INITIAL_WINDOW, 1_000_000]), headers(1), headers(3));
    expect(bodyBytes(peer.receiveAll())).to.equal(65_535);
    peer.send(windowUpdate(0, 200_000));
    const frames = peer.receiveAll();
    expect(bodyBytes(frames, 1) + bodyBytes(frames, 3)).to.equal(200_000 - 65_535);
    const order = frames.filter(({ payload }) => payload.length > 0).map(({ streamId }) => streamId);
    expect(order.slice(0, 4)).to.satisfy((ids: number[]) => new Set(ids).size === 2);
  });

  it("keeps to a window that was made smaller than what is under way: it is negative, and then opens", () => {
    const peer = served(100);
    peer.send(settings([INITIAL_WINDOW, 50]), headers(1));
    expect(bodyBytes(peer.receiveAll())).to.equal(50);
    peer.send(settings([INITIAL_WINDOW, 20]), windowUpdate(1, 30));
    expect(bodyBytes(peer.receiveAll())).to.equal(0);
    peer.send(windowUpdate(1, 1));
    expect(bodyBytes(peer.receiveAll())).to.equal(1);
    peer.send(settings([INITIAL_WINDOW, 100]));
    expect(bodyBytes(peer.receiveAll())).to.equal(49);
  });

  it("tells the writer to wait while the window is closed, and when to go on", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(settings([INITIAL_WINDOW, 4]), headers(1));
    const [{ exchange }] = peer.exchanges;
    exchange.respond(new FieldSection(200, []));
    expect(exchange.write(Buffer.from("1234"))).to.equal(true);
    expect(exchange.write(Buffer.from("5678"))).to.equal(false);
    expect(exchange.bufferedBytes).to.equal(4);
    expect(peer.exchanges[0].drains).to.equal(0);
    peer.send(windowUpdate(1, 100));
    expect(peer.exchanges[0].drains).to.equal(1);
    expect(exchange.bufferedBytes).to.equal(0);
  });

  it("resets a stream whose window update is zero", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), windowUpdate(1, 0));
    peer.expectReset(1, "PROTOCOL_ERROR", "window-update-zero");
  });

  it("ends the connection over an update of zero for it", () => {
    ScriptedPeer.greeted()
      .send(windowUpdate(0, 0))
      .expectGoAway("PROTOCOL_ERROR", "connection-window-update-zero");
  });

  it("resets a stream whose window passes 2^31-1 (CVE-2026-21714)", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), windowUpdate(1, 0x7fff_ffff));
    peer.expectReset(1, "FLOW_CONTROL_ERROR", "window-overflow");
  });

  it("ends the connection when its window passes 2^31-1, and lets go of everything (CVE-2026-21714)", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), windowUpdate(0, 0x7fff_ffff));
    peer.expectGoAway("FLOW_CONTROL_ERROR", "connection-window-overflow");
    peer.connection.lost();
    expect(peer.connection.streamCount).to.equal(0);
    expect(peer.clock.pending).to.equal(0);
  });

  it("ends the connection when SETTINGS push a stream's window over 2^31-1", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), windowUpdate(1, 0x7fff_0000 - 65_535), settings([INITIAL_WINDOW, 0x7fff_ffff]));
    peer.expectGoAway("FLOW_CONTROL_ERROR");
  });

  it("forgets the unsent bytes of a stream that is reset", () => {
    const peer = served(10_000);
    peer.send(settings([INITIAL_WINDOW, 0]), headers(1), headers(3), rstStream(1, 8), windowUpdate(1, 100));
    expect(bodyBytes(peer.receiveAll())).to.equal(0);
    peer.send(windowUpdate(3, 100_000));
    expect(bodyBytes(peer.receiveAll(), 3)).to.equal(10_000);
  });
});

describe("RFC 9113 section 6.9: flow control, receiving", () => {
  it("resets a stream that is sent more than its window", () => {
    const peer = ScriptedPeer.greeted({ limits: { streamWindowBytes: 10 } });
    peer.send(open(1));
    peer.exchanges[0].exchange.pause();
    peer.send(data(1, "12345678"), data(1, "90123"));
    peer.expectReset(1, "FLOW_CONTROL_ERROR", "stream-window-exceeded");
  });

  it("counts padding, and gives it back", () => {
    const peer = ScriptedPeer.greeted({ limits: { streamWindowBytes: 1000, connectionWindowBytes: 2000 } });
    peer.send(open(1));
    const padded = Buffer.concat([Buffer.from([255]), Buffer.from("x"), Buffer.alloc(255)]);
    for (let i = 0; i < 100; i++) peer.send(data(1, padded, Flag.PADDED));
    expect(peer.exchanges[0].body).to.have.length(100);
    expect(peer.isEnded).to.equal(false);
  });

  it("gives a window back as the receiver takes the bytes, and not while it is paused", () => {
    const peer = ScriptedPeer.greeted({ limits: { streamWindowBytes: 1000 } });
    peer.send(open(1));
    const [{ exchange }] = peer.exchanges;
    exchange.pause();
    peer.send(data(1, "x".repeat(900)));
    expect(peer.receiveAll().filter(({ streamId }) => streamId === 1)).to.deep.equal([]);
    expect(peer.budget.usedBytes).to.equal(900);
    exchange.resume();
    expect(
      peer
        .receiveAll()
        .filter(({ streamId }) => streamId === 1)
        .map(({ increment }) => increment),
    ).to.deep.equal([900]);
    expect(peer.budget.usedBytes).to.equal(0);
    expect(peer.exchanges[0].body).to.have.length(900);
  });

  it("gives back the connection's window for discarded bytes: 1,000 aborted uploads, then a whole one (h2 0.4.13)", () => {
    const peer = ScriptedPeer.greeted();
    for (let i = 0; i < 1000; i++) {
      const streamId = 2 * i + 1;
      peer.send(open(streamId));
      peer.exchanges[i].exchange.pause();
      peer.send(
        data(streamId, Buffer.alloc(10_000)),
        data(streamId, Buffer.alloc(5000)),
        rstStream(streamId, 8),
      );
      peer.receiveAll();
    }
    expect(peer.budget.usedBytes).to.equal(0);
    peer.send(open(2001));
    for (let i = 0; i < 700; i++) peer.send(data(2001, Buffer.alloc(15_000)));
    expect(peer.isEnded).to.equal(false);
    expect(peer.exchanges.at(-1)?.body).to.have.length(700 * 15_000);
  });

  it("grows its windows with what a round trip brings, up to the cap", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1));
    let largest = 0;
    let pings: SentFrame[] = [];
    for (let round = 0; round < 60; round++) {
      // Each answer comes a round later: a round is a round trip.
      peer.send(...pings.map(pong));
      for (let i = 0; i < 16; i++) peer.send(data(1, Buffer.alloc(16_000)));
      const frames = peer.receiveAll();
      pings = frames.filter(({ type }) => type === "PING");
      const updates = frames.filter(({ type, streamId }) => type === "WINDOW_UPDATE" && streamId === 1);
      largest = Math.max(largest, ...updates.map(({ increment }) => increment ?? 0));
    }
    expect(largest).to.be.greaterThan(256 * 1024);
    expect(largest).to.be.at.most(8 * 1024 * 1024);
    expect(peer.isEnded).to.equal(false);
  });
});

function pong({ payload }: SentFrame): Buffer {
  return ping(payload.toString("latin1"), Flag.ACK);
}
