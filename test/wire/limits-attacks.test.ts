import { expect } from "chai";
import { FieldSection } from "../../src/exchange.ts";
import {
  block,
  continuation,
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

/** A peer whose handlers never settle. */
const withSlowHandlers = () => ScriptedPeer.greeted({ onExchange: ({ exchange }) => exchange.beginWork() });

/** A peer that does not read: nothing that the server writes leaves. */
function notReading(options: object = {}): { peer: ScriptedPeer; read(): void } {
  let isFull = false;
  const peer = ScriptedPeer.greeted({ ...options, pendingBytes: () => (isFull ? 1000 : 0) });
  isFull = true;
  return {
    peer,
    read() {
      isFull = false;
      peer.connection.onWritable();
      peer.run();
    },
  };
}

describe("limits: what an attacker meets", () => {
  it("CVE-2023-44487, rapid reset: handlers never exceed the limit of streams, and the connection ends", () => {
    const peer = withSlowHandlers();
    let id = -1;
    while (!peer.isEnded && id < 20_000) {
      id += 2;
      peer.send(headers(id), rstStream(id, CANCEL));
    }
    expect(peer.exchanges.length).to.be.at.most(1024);
    peer.expectGoAway("ENHANCE_YOUR_CALM");
  });

  it("CVE-2023-44487, rapid reset in bursts: the bucket of 2,000 resets of running handlers ends the connection", () => {
    const peer = ScriptedPeer.greeted();
    let id = -1;
    while (!peer.isEnded && id < 20_000) {
      id += 2;
      peer.send(headers(id));
      const { exchange } = peer.exchanges.at(-1)!;
      exchange.beginWork();
      peer.send(rstStream(id, CANCEL));
      exchange.endWork();
    }
    expect(peer.exchanges).to.have.length(2001);
    peer.expectGoAway("ENHANCE_YOUR_CALM", "too-many-resets");
  });

  const provocations: [string, (id: number) => Uint8Array][] = [
    ["a window update of zero", (id) => windowUpdate(id, 0)],
    ["a window overflow", (id) => windowUpdate(id, 0x7fff_ffff)],
    ["a PRIORITY of the wrong size", (id) => frame(FrameType.PRIORITY, 0, id, Buffer.alloc(4))],
    ["a PRIORITY on itself", (id) => priority(id, id)],
    ["HEADERS after END_STREAM", (id) => headers(id)],
    ["DATA after END_STREAM", (id) => data(id, "x")],
  ];
  for (const [name, provoke] of provocations) {
    it(`CVE-2025-8671, made you reset by ${name}: slots are kept, and the connection ends after 200`, () => {
      const peer = withSlowHandlers();
      let id = -1;
      while (!peer.isEnded && id < 5000) {
        id += 2;
        peer.send(headers(id), provoke(id));
      }
      expect((id + 1) / 2).to.equal(201);
      peer.expectGoAway("ENHANCE_YOUR_CALM", "too-many-internal-resets");
    });
  }

  it("CVE-2024-27983, CONTINUATION flood: the ninth frame ends the connection", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(frame(FrameType.HEADERS, 0, 1, block(requestFields())));
    for (let i = 0; i < 8; i++) peer.send(continuation(1, block(["x", "y".repeat(100)])));
    expect(peer.isEnded).to.equal(false);
    peer.send(continuation(1, Buffer.alloc(1))).expectGoAway("ENHANCE_YOUR_CALM", "too-many-continuations");
  });

  it("CVE-2024-27983, CONTINUATION flood of large frames: 64 KiB end the connection", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(frame(FrameType.HEADERS, 0, 1, block(requestFields())));
    for (let i = 0; i < 5; i++) peer.send(continuation(1, Buffer.alloc(16_384)));
    peer.expectGoAway("ENHANCE_YOUR_CALM", "header-list-way-too-large");
  });

  it("CVE-2026-33871, zero-byte CONTINUATION: empty frames count", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(frame(FrameType.HEADERS, 0, 1, Buffer.alloc(0)));
    for (let i = 0; i < 9; i++) peer.send(continuation(1, Buffer.alloc(0)));
    peer.expectGoAway("ENHANCE_YOUR_CALM", "too-many-continuations");
  });

  it("CVE-2016-6581, HPACK bomb: a large entry referenced thousands of times ends the connection", () => {
    const peer = ScriptedPeer.greeted();
    const large = Buffer.concat([
      block(requestFields()),
      Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]),
      Buffer.alloc(4000, 0x79),
    ]);
    peer.send(frame(FrameType.HEADERS, 5, 1, Buffer.concat([large, Buffer.alloc(12_000, 0xbe)])));
    peer.expectGoAway("ENHANCE_YOUR_CALM", "header-list-way-too-large");
  });

  it("CVE-2026-49975, HTTP/2 bomb: crumbs without number are answered 431, and HPACK stays in step", () => {
    const peer = ScriptedPeer.greeted();
    const insert = Buffer.from([0x40, 6, ...Buffer.from("cookie"), 1, 0x61]);
    peer.send(
      frame(
        FrameType.HEADERS,
        5,
        1,
        Buffer.concat([block(requestFields()), insert, Buffer.alloc(200, 0xbe)]),
      ),
    );
    expect(peer.expect({ type: "HEADERS" }).fields).to.deep.equal([":status", "431"]);
    peer.send(frame(FrameType.HEADERS, 5, 3, Buffer.concat([block(requestFields()), Buffer.from([0xbe])])));
    expect(peer.exchanges[0].exchange.head.fields).to.deep.equal(["cookie", "a"]);
  });

  it("a header list over 16 KiB is answered 431 on its stream, and the connection lives", () => {
    const peer = ScriptedPeer.greeted();
    const fields = [...requestFields(), "x", "y".repeat(17_000)];
    const bytes = block(fields);
    peer.send(
      frame(FrameType.HEADERS, Flag.END_STREAM, 1, bytes.subarray(0, 10_000)),
      continuation(1, bytes.subarray(10_000), Flag.END_HEADERS),
    );
    expect(peer.expect({ type: "HEADERS" }).fields).to.deep.equal([":status", "431"]);
    peer.send(headers(3));
    expect(peer.exchanges).to.have.length(1);
  });

  const floods: [string, (i: number) => Uint8Array][] = [
    ["CVE-2019-9515, settings flood", () => settings()],
    ["CVE-2019-9514, reset flood", (i) => headers(2 * i + 1, [...requestFields(), "A", "b"])],
  ];
  for (const [name, attack] of floods) {
    it(`${name}: nothing more is read once 100 answers wait for the peer, until it reads`, () => {
      const { peer, read } = notReading();
      for (let i = 0; i < 150; i++) peer.send(attack(i));
      expect(peer.isReading).to.equal(false);
      expect(peer.receiveAll().length).to.equal(101);
      read();
      expect(peer.isReading).to.equal(true);
      expect(peer.receiveAll().length).to.equal(49);
    });
  }

  it("CVE-2019-9512, ping flood: the fourth ping in a row ends the connection as gRPC clients know it", () => {
    const peer = ScriptedPeer.greeted();
    for (let i = 0; i < 4; i++) peer.send(ping());
    expect(peer.expectGoAway("ENHANCE_YOUR_CALM", "too-many-pings").debugData).to.equal("too_many_pings");
  });

  it("a peer that takes no byte for 20 seconds is dropped", () => {
    const { peer } = notReading({ onExchange: (recorded: { answer(): void }) => recorded.answer() });
    peer.send(headers(1)).wait(19_999);
    expect(peer.isDestroyed).to.equal(false);
    peer.wait(1);
    expect(peer.isDestroyed).to.equal(true);
  });

  it("CVE-2016-1546, slow read: an answer of which no byte is taken for a minute is reset", () => {
    const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer("x".repeat(100)) });
    peer.send(settings([INITIAL_WINDOW, 0]), headers(1));
    peer.receiveAll();
    peer.wait(120_000);
    peer.expectReset(1, "CANCEL", "response-stalled");
    expect(peer.connection.streamCount).to.equal(0);
  });

  it("CVE-2019-9511, data dribble: window updates of one byte end the connection at 10,000 over what DATA explains", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    let updates = 0;
    while (!peer.isEnded && updates < 20_000) {
      peer.send(windowUpdate(1, 1));
      updates++;
    }
    expect(updates).to.equal(10_001);
    peer.expectGoAway("ENHANCE_YOUR_CALM", "too-many-glitches");
  });

  it("CVE-2019-9513, resource loop: PRIORITY frames build nothing and end the connection", () => {
    const peer = ScriptedPeer.greeted();
    let frames = 0;
    while (!peer.isEnded && frames < 20_000) peer.send(priority(2 * frames++ + 1, 0));
    expect(frames).to.equal(10_001);
  });

  for (const [name, bytes] of [
    ["empty", data(1, "")],
    ["padded-empty", data(1, Buffer.from([255, ...Buffer.alloc(255)]), Flag.PADDED)],
  ] as const) {
    it(`CVE-2019-9518, ${name} DATA frames: a hundred in a row are the most`, () => {
      const peer = ScriptedPeer.greeted();
      peer.send(open(1));
      for (let i = 0; i < 100; i++) peer.send(bytes);
      expect(peer.isEnded).to.equal(false);
      peer.send(bytes).expectGoAway("ENHANCE_YOUR_CALM", "too-many-empty-frames");
    });
  }

  it("CVE-2019-9516, fields without a name are malformed; without a value they count 32 bytes", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1, [...requestFields(), "", "x"]));
    peer.expectReset(1, "PROTOCOL_ERROR", "field-name-invalid");
    peer.send(headers(3, [...requestFields(), "x", ""]));
    expect(peer.exchanges).to.have.length(1);
  });

  it("CVE-2019-9517, internal data buffering: the writer is told to wait once the socket is full", () => {
    let pending = 0;
    const peer = ScriptedPeer.greeted({ pendingBytes: () => pending });
    peer.send(settings([INITIAL_WINDOW, 0x7fff_ffff]), windowUpdate(0, 0x7000_0000), headers(1));
    const [recorded] = peer.exchanges;
    recorded.exchange.respond(new FieldSection(200, []));
    pending = 300_000;
    let written = 0;
    while (recorded.exchange.write(Buffer.alloc(10_000)) && written < 10_000_000) written += 10_000;
    expect(written).to.be.at.most(512 * 1024);
    pending = 0;
    peer.connection.onWritable();
    expect(recorded.drains).to.equal(1);
  });

  it("a connection that has 8 MiB unsent is refused new streams", () => {
    const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer("x".repeat(1024 * 1024)) });
    peer.send(settings([INITIAL_WINDOW, 0]));
    for (let id = 1; id < 25; id += 2) peer.send(headers(id));
    const refused = peer.receiveAll().filter(({ type }) => type === "RST_STREAM");
    expect(refused.map(({ code }) => code)).to.include("REFUSED_STREAM");
    expect(peer.exchanges.length).to.be.at.most(9);
  });

  it("CVE-2026-84304, DATA fragmentation: 65,535 frames of one byte are kept as one byte each", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1));
    const [recorded] = peer.exchanges;
    recorded.exchange.pause();
    const one = data(1, "x");
    for (let i = 0; i < 65; i++) peer.send(...Array.from({ length: 1000 }, () => one));
    expect(peer.budget.usedBytes).to.equal(65_000);
    let pieces = 0;
    const { onData } = recorded;
    recorded.onData = function (bytes) {
      pieces++;
      onData.call(this, bytes);
    };
    recorded.exchange.resume();
    expect(recorded.body).to.have.length(65_000);
    expect(pieces).to.be.at.most(20);
  });

  it("large windows: above the memory budget new streams are refused, and slow ones reset", () => {
    const peer = ScriptedPeer.greeted({ limits: { memoryBudgetBytes: 100_000 } });
    peer.send(open(1), open(3));
    for (const { exchange } of peer.exchanges) exchange.pause();
    for (let i = 0; i < 9; i++) peer.send(data(1, Buffer.alloc(10_000)));
    // The rest is kept for another connection.
    peer.budget.add(10_000);
    peer.send(headers(5));
    peer.expectReset(5, "REFUSED_STREAM", "memory-budget-spent");
    peer.send(data(3, Buffer.alloc(10_000)));
    peer.expectReset(3, "ENHANCE_YOUR_CALM", "slow-receiver-over-budget");
    peer.connection.lost();
    expect(peer.budget.usedBytes).to.equal(10_000);
  });

  it("large messages: parts that receivers keep count against the budget, and the stream that adds to it is reset", () => {
    const peer = ScriptedPeer.greeted({ limits: { memoryBudgetBytes: 100_000 } });
    for (let id = 1; id < 20; id += 2) {
      peer.send(open(id));
      const recorded = peer.exchanges.at(-1)!;
      recorded.onData = (bytes) => recorded.exchange.hold(bytes.length);
      peer.send(data(id, Buffer.alloc(15_000)));
    }
    expect(peer.budget.usedBytes).to.be.at.most(100_000);
    expect(peer.violations).to.include("slow-receiver-over-budget");
  });

  it("our own load is not held against a client: refused 1,000 times over the budget, its connection lives", () => {
    const peer = ScriptedPeer.greeted({ limits: { memoryBudgetBytes: 1000 } });
    peer.budget.add(1000);
    for (let id = 1; id < 2000; id += 2) peer.send(headers(id));
    expect(peer.receiveAll().every(({ code }) => code === "REFUSED_STREAM")).to.equal(true);
    expect([peer.violations.length, peer.isEnded]).to.deep.equal([1000, false]);
  });

  it("what is let go after the end of a stream is not counted twice", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    const [{ exchange }] = peer.exchanges;
    exchange.hold(1000);
    exchange.respondAndEnd(new FieldSection(204, []));
    exchange.hold(-1000);
    expect(peer.budget.usedBytes).to.equal(0);
  });

  it("one turn takes a thousand frames, and the rest waits for the other connections", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1));
    let turns = 0;
    const { nextTurn } = (peer.connection as unknown as { host: { nextTurn(action: () => void): void } })
      .host;
    (peer.connection as unknown as { host: { nextTurn(action: () => void): void } }).host.nextTurn = (
      action,
    ) => {
      turns++;
      nextTurn(action);
    };
    peer.send(...Array.from({ length: 5500 }, () => data(1, "x")));
    expect(turns).to.equal(5);
    expect(peer.exchanges[0].body).to.have.length(5500);
    expect(peer.isReading).to.equal(true);
  });
});
