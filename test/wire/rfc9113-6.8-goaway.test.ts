import { expect } from "chai";
import { data, Flag, goAway, headers, ping, requestFields, windowUpdate } from "../support/frames.ts";
import { ScriptedPeer, type SentFrame } from "../support/scripted-peer.ts";

const pong = (frame: SentFrame) => ping(frame.payload.toString("latin1"), Flag.ACK);

describe("RFC 9113 section 6.8: GOAWAY and draining", () => {
  it("tells the client in two phases, and takes what was under way between them", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    peer.connection.drain("graceful_stop");
    peer.expect({ type: "GOAWAY", lastStreamId: 0x7fff_ffff, code: "NO_ERROR", debugData: "graceful_stop" });
    const probe = peer.expect({ type: "PING" });
    peer.send(headers(3));
    expect(peer.exchanges).to.have.length(2);
    peer.send(pong(probe));
    peer.expect({ type: "GOAWAY", lastStreamId: 3, code: "NO_ERROR" });
    for (const recorded of peer.exchanges) recorded.answer();
    expect(peer.receiveAll().map(({ type }) => type)).to.not.include("GOAWAY");
    expect(peer.isEnded).to.equal(true);
  });

  it("does not wait longer than five seconds for the answer to its PING", () => {
    const peer = ScriptedPeer.greeted();
    peer.connection.drain("max_age");
    peer.wait(5000);
    expect(peer.receiveAll().map(({ type }) => type)).to.deep.equal(["GOAWAY", "PING", "GOAWAY"]);
    expect(peer.isEnded).to.equal(true);
  });

  it("ignores streams after the last one it named, gives back their bytes, and keeps HPACK in step", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    peer.connection.drain("graceful_stop");
    peer.wait(5000);
    peer.receiveAll();
    peer.send(headers(3, requestFields(), Flag.END_HEADERS));
    for (let i = 0; i < 200; i++) peer.send(data(3, Buffer.alloc(16_000)));
    const frames = peer.receiveAll();
    expect(frames.map(({ type }) => type)).to.include("WINDOW_UPDATE");
    expect(frames.every(({ type, streamId }) => type === "WINDOW_UPDATE" && streamId === 0)).to.equal(true);
    expect(peer.exchanges).to.have.length(1);
  });

  it("is told once, however often the drain is asked for", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    peer.connection.drain("graceful_stop");
    peer.connection.drain("graceful_stop");
    expect(peer.receiveAll().map(({ type }) => type)).to.deep.equal(["GOAWAY", "PING"]);
  });

  it("never raises the last stream id", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    peer.connection.drain("graceful_stop");
    peer.wait(5000);
    peer.send(headers(5));
    peer.send(headers(2));
    const goAways = peer.receiveAll().filter(({ type }) => type === "GOAWAY");
    expect(goAways.map(({ lastStreamId, code }) => [lastStreamId, code])).to.deep.equal([
      [0x7fff_ffff, "NO_ERROR"],
      [1, "NO_ERROR"],
      [1, "PROTOCOL_ERROR"],
    ]);
  });

  it("resets the last stream before it ends, so that the client learns how the call went", () => {
    const ends: [string, (peer: ScriptedPeer) => void, string][] = [
      ["abort", (peer) => peer.exchanges[0].exchange.abort("internal"), "INTERNAL_ERROR"],
      ["early answer", (peer) => peer.exchanges[0].answer(), "NO_ERROR"],
      ["violation", (peer) => peer.send(windowUpdate(1, 0)), "PROTOCOL_ERROR"],
    ];
    for (const [name, end, code] of ends) {
      const peer = ScriptedPeer.greeted();
      peer.send(headers(1, requestFields(), Flag.END_HEADERS));
      peer.connection.drain("graceful_stop");
      peer.wait(5000);
      peer.receiveAll();
      end(peer);
      expect(peer.receiveAll().at(-1), name).to.include({ type: "RST_STREAM", streamId: 1, code });
      expect(peer.isEnded, name).to.equal(true);
    }
  });

  it("promises nothing to a client that is leaving", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), goAway(0, 0));
    expect(peer.exchanges[0].exchange.push("/late")).to.equal(false);
    peer.expectNothing();
  });

  it("tells nobody that it is idle once it is over", () => {
    let idles = 0;
    const peer = ScriptedPeer.greeted({ onIdle: () => idles++ });
    peer.send(headers(1));
    peer.exchanges[0].answer();
    expect(idles).to.equal(1);
    peer.send(headers(3));
    peer.connection.lost();
    expect(idles).to.equal(1);
  });

  it("drops a client that does not close its side within a second", () => {
    const peer = ScriptedPeer.greeted();
    peer.connection.drain("graceful_stop");
    peer.wait(5000);
    expect(peer.isDestroyed).to.equal(false);
    peer.wait(1000);
    expect(peer.isDestroyed).to.equal(true);
  });
});
