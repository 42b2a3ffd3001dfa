import { expect } from "chai";
import { FieldSection } from "../../src/exchange.ts";
import {
  block,
  data,
  Flag,
  FrameType,
  frame,
  headers,
  ping,
  priority,
  requestFields,
  rstStream,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

const CANCEL = 8;
const open = (streamId: number) => headers(streamId, requestFields(), Flag.END_HEADERS);
const INITIAL_WINDOW = 4;

describe("limits: what an honest client may do", () => {
  it("cancels many calls a second for a long time: 400 a second for a minute", () => {
    const peer = ScriptedPeer.greeted();
    let id = -1;
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 400; i++) {
        id += 2;
        peer.send(headers(id));
        const { exchange } = peer.exchanges.pop()!;
        exchange.beginWork();
        peer.send(rstStream(id, CANCEL));
        exchange.endWork();
      }
      peer.wait(1000);
    }
    expect(peer.isEnded).to.equal(false);
  });

  it("ends thousands of subscriptions a second by a cancel, which is how such calls end", () => {
    const peer = ScriptedPeer.greeted();
    for (let id = 1; id < 20_000; id += 2) {
      peer.send(headers(id));
      const { exchange } = peer.exchanges.at(-1)!;
      exchange.beginWork();
      exchange.respond(new FieldSection(200, []));
      peer.send(rstStream(id, CANCEL));
      exchange.endWork();
    }
    expect([peer.exchanges.length, peer.isEnded]).to.deep.equal([10_000, false]);
  });

  it("streams 100,000 messages of 600 bytes to a slow reader", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1));
    const [recorded] = peer.exchanges;
    let received = 0;
    recorded.onData = (bytes) => {
      received += bytes.length;
    };
    const message = data(1, Buffer.alloc(600));
    for (let i = 0; i < 1000; i++) {
      if (i % 2 === 0) recorded.exchange.pause();
      peer.send(...Array.from({ length: 100 }, () => message));
      recorded.exchange.resume();
      peer.receiveAll();
    }
    expect([received, peer.isEnded]).to.deep.equal([60_000_000, false]);
  });

  it("sends a WINDOW_UPDATE for each kilobyte it reads", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(settings([INITIAL_WINDOW, 1024]), headers(1));
    const [{ exchange }] = peer.exchanges;
    exchange.respond(new FieldSection(200, []));
    for (let i = 0; i < 30_000; i++) {
      exchange.write(Buffer.alloc(1024));
      peer.run();
      peer.send(windowUpdate(1, 1024), windowUpdate(0, 1024));
      if (i % 100 === 0) peer.receiveAll();
    }
    expect(peer.isEnded).to.equal(false);
  });

  it("pings while DATA flows, as clients do that measure bandwidth", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1));
    for (let i = 0; i < 1000; i++) peer.send(data(1, Buffer.alloc(10_000)), ping());
    expect(peer.isEnded).to.equal(false);
  });

  it("pings while a long reply waits for windows, and leaves in parts", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(settings([INITIAL_WINDOW, 10_000]), headers(1));
    const [{ exchange }] = peer.exchanges;
    exchange.respond(new FieldSection(200, []));
    exchange.write(Buffer.alloc(1_000_000));
    for (let i = 0; i < 99; i++) peer.send(ping(), windowUpdate(1, 10_000), windowUpdate(0, 10_000));
    expect(peer.isEnded).to.equal(false);
  });

  it("provokes 20 resets a second for five minutes, by mistake", () => {
    const peer = ScriptedPeer.greeted();
    for (let id = 1; id < 12_000; id += 2) {
      peer.send(headers(id), data(id, "late"));
      if (id % 40 === 39) peer.wait(1000);
    }
    expect(peer.isEnded).to.equal(false);
  });

  it("makes glitches at the rate of a thousand a second", () => {
    const peer = ScriptedPeer.greeted();
    for (let second = 0; second < 30; second++) {
      for (let i = 0; i < 1000; i++) peer.send(frame(0x42, 0, 0));
      peer.wait(1000);
    }
    expect(peer.isEnded).to.equal(false);
  });

  it("sends PRIORITY for each stream", () => {
    const peer = ScriptedPeer.greeted({
      onExchange: ({ exchange }) => exchange.respondAndEnd(new FieldSection(204, [])),
    });
    for (let id = 1; id < 30_000; id += 2) {
      peer.send(priority(id, 0), headers(id));
      if (id % 101 === 0) peer.receiveAll();
    }
    expect(peer.isEnded).to.equal(false);
  });

  it("races more streams than allowed before it has read our SETTINGS", () => {
    const peer = new ScriptedPeer({ limits: { maxConcurrentStreams: 100 } });
    const requests = Array.from({ length: 500 }, (_, i) => headers(2 * i + 1));
    peer.send(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings(), ...requests);
    expect(peer.exchanges).to.have.length(100);
    expect(peer.receiveAll().filter(({ code }) => code === "REFUSED_STREAM")).to.have.length(400);
    expect(peer.isEnded).to.equal(false);
  });

  it("sends a 15 KiB token, 60 fields and 40 cookie crumbs", () => {
    const peer = ScriptedPeer.greeted();
    const more = ["authorization", `Bearer ${"x".repeat(9000)}`];
    for (let i = 0; i < 60; i++) more.push(`x-field-${i}`, "value");
    for (let i = 0; i < 40; i++) more.push("cookie", `c${i}=v`);
    const bytes = block([...requestFields(), ...more]);
    peer.send(frame(FrameType.HEADERS, 5, 1, bytes));
    expect(peer.exchanges).to.have.length(1);
  });

  it("keeps a thousand watches open with a closed window while their handlers work", () => {
    const peer = ScriptedPeer.greeted({ onExchange: ({ exchange }) => exchange.beginWork() });
    peer.send(settings([INITIAL_WINDOW, 0]));
    for (let id = 1; id < 2000; id += 2) peer.send(headers(id));
    for (const { exchange } of peer.exchanges) {
      exchange.respond(new FieldSection(200, []));
      exchange.write(Buffer.from("news"));
    }
    peer.wait(10 * 60_000);
    expect(peer.connection.streamCount).to.equal(1000);
    peer.send(settings([INITIAL_WINDOW, 65_535]));
    expect(peer.exchanges.every(({ exchange }) => exchange.bufferedBytes === 0)).to.equal(true);
  });
});
