import { expect } from "chai";
import { FieldSection } from "../../src/exchange.ts";
import { ErrorCode } from "../../src/http2/violations.ts";
import {
  data,
  Flag,
  FrameType,
  frame,
  headers,
  ping,
  requestFields,
  rstStream,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { type RecordedExchange, ScriptedPeer } from "../support/scripted-peer.ts";

const INITIAL_WINDOW = 4;
const CANCEL = 8;
const OK = new FieldSection(200, []);
const open = (streamId: number) => headers(streamId, requestFields(), Flag.END_HEADERS);

/** Everything that a connection holds. */
const holdings = ({ budget, connection, clock }: ScriptedPeer) => [
  budget.usedBytes,
  connection.streamCount,
  clock.pending,
];

describe("re-entrancy: what a receiver does while it is called (CVE-2026-56846, CVE-2026-56848)", () => {
  /** Where a receiver of stream 3 is called, and the frame that makes it so. */
  const callbacks: [keyof RecordedExchange, Buffer][] = [
    ["onData", data(3, "x", Flag.END_STREAM)],
    ["onEnd", headers(3, ["x", "y"])],
    ["onAbort", rstStream(3, CANCEL)],
    ["onDrain", windowUpdate(3, 1000)],
  ];
  const deeds: [string, (peer: ScriptedPeer, recorded: RecordedExchange) => void][] = [
    ["loses the connection", (peer) => peer.connection.lost()],
    ["closes the connection", (peer) => peer.connection.close(ErrorCode.INTERNAL_ERROR, "")],
    ["drains the connection", (peer) => peer.connection.drain("")],
    ["aborts its exchange", (_, { exchange }) => exchange.abort("cancel")],
    ["aborts another exchange", (peer) => peer.exchanges[0].exchange.abort("cancel")],
    ["writes much", (_, { exchange }) => exchange.write(Buffer.alloc(100_000))],
    ["ends its response", (_, { exchange }) => exchange.end()],
    [
      "pauses and resumes",
      (_, { exchange }) => {
        exchange.pause();
        exchange.resume();
      },
    ],
  ];
  for (const [name, trigger] of callbacks) {
    for (const [deed, act] of deeds) {
      it(`takes a receiver that ${deed} in ${name}`, () => {
        const peer = ScriptedPeer.greeted();
        peer.send(settings([INITIAL_WINDOW, 0]), open(1), open(3));
        const recorded = peer.exchanges[1];
        recorded.exchange.beginWork();
        recorded.exchange.respond(OK);
        recorded.exchange.write(Buffer.alloc(100));
        let calls = 0;
        Object.assign(recorded, {
          [name]: () => {
            if (calls++ === 0) act(peer, recorded);
          },
        });
        peer.send(trigger, ping(), open(5), data(5, "x"));
        expect(calls, "calls of the receiver").to.equal(1);
        recorded.exchange.endWork();
        peer.connection.lost();
        expect(holdings(peer)).to.deep.equal([0, 0, 0]);
      });
    }
  }

  it("closes within a request without handing over another one of the same segment", () => {
    const peer = ScriptedPeer.greeted({ onExchange: () => peer.connection.close(ErrorCode.NO_ERROR, "") });
    peer.send(headers(1), headers(3), data(3, "x"), Buffer.alloc(100, 0xff));
    expect(peer.exchanges).to.have.length(1);
    expect(peer.receiveAll().map(({ type }) => type)).to.deep.equal(["GOAWAY"]);
    expect(peer.isEnded).to.equal(true);
  });

  it("is lost within a request without handing over another one of the same segment", () => {
    const peer = ScriptedPeer.greeted({ onExchange: () => peer.connection.lost() });
    peer.send(headers(1), headers(3), data(3, "x"));
    expect(peer.exchanges.map(({ abortReason }) => abortReason)).to.deep.equal(["connection-lost"]);
    peer.expectNothing();
  });

  it("writes nothing more once it is lost, whatever the handlers do", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1), headers(3));
    peer.connection.lost();
    for (const recorded of peer.exchanges) {
      recorded.answer();
      recorded.exchange.abort("cancel");
      recorded.exchange.push("/");
      recorded.exchange.hold(10);
      recorded.exchange.beginWork();
      recorded.exchange.endWork();
    }
    peer.connection.ping(() => {});
    peer.connection.drain("");
    peer.connection.close(ErrorCode.NO_ERROR, "");
    peer.connection.onWritable();
    peer.expectNothing();
    expect(holdings(peer)).to.deep.equal([0, 0, 0]);
  });

  it("ends with GOAWAY, though streams give their windows back as they go", () => {
    const peer = ScriptedPeer.greeted({ limits: { memoryBudgetBytes: 1_500_000 } });
    peer.send(open(1), open(3), open(5), open(7));
    for (const { exchange } of peer.exchanges) exchange.pause();
    for (const id of [1, 3, 5, 7]) for (let i = 0; i < 15; i++) peer.send(data(id, Buffer.alloc(16_000)));
    peer.receiveAll();
    peer.send(frame(FrameType.PING, 0, 0, Buffer.alloc(7)));
    peer.expectGoAway("FRAME_SIZE_ERROR", "frame-size-wrong");
    expect(peer.budget.usedBytes).to.equal(0);
  });

  it("serves streams that write as they drain, without end and without starving a neighbour", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(settings([INITIAL_WINDOW, 0x7fff_ffff]), headers(1), headers(3));
    peer.send(windowUpdate(0, 0x7000_0000));
    const state = peer.connection as unknown as { sender: { isBlocked: boolean } };
    state.sender.isBlocked = true;
    for (const recorded of peer.exchanges) {
      let rest = 5;
      recorded.exchange.respond(OK);
      recorded.exchange.write(Buffer.alloc(10));
      recorded.onDrain = () => {
        if (rest-- > 0) recorded.exchange.write(Buffer.alloc(20_000));
        else recorded.exchange.end();
      };
    }
    peer.connection.onWritable();
    const bytes = new Map<number, number>();
    for (const { type, streamId, payload } of peer.receiveAll()) {
      if (type === "DATA") bytes.set(streamId, (bytes.get(streamId) ?? 0) + payload.length);
    }
    expect([...bytes]).to.deep.equal([
      [1, 100_010],
      [3, 100_010],
    ]);
    expect(peer.connection.streamCount).to.equal(0);
  });

  it("asks for one more turn at a time, though bytes come while a turn is due", () => {
    const peer = ScriptedPeer.greeted({ limits: { framesPerTurn: 10 } });
    peer.send(open(1));
    const turns: (() => void)[] = [];
    const { host } = peer.connection as unknown as { host: { nextTurn(action: () => void): void } };
    host.nextTurn = (action) => turns.push(action);
    const many = Buffer.concat(Array.from({ length: 25 }, () => data(1, "x")));
    for (let i = 0; i < 4; i++) peer.connection.receive(many);
    expect([turns.length, peer.isReading]).to.deep.equal([1, false]);
    let count = 0;
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
      turn();
      count++;
    }
    expect([count, peer.exchanges[0].body.length, peer.isReading]).to.deep.equal([9, 100, true]);
  });

  it("does not go on reading for a turn that was due when the connection was lost", () => {
    const peer = ScriptedPeer.greeted({ limits: { framesPerTurn: 10 } });
    peer.connection.receive(Buffer.concat([open(1), ...Array.from({ length: 25 }, () => data(1, "x"))]));
    peer.connection.lost();
    peer.run();
    expect(peer.isReading).to.equal(false);
    peer.expectNothing();
  });

  it("lets go of the socket's memory once a header block is read", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    const { assembly } = peer.connection as unknown as { assembly: { block: Buffer } };
    expect(assembly.block).to.have.length(0);
  });

  it("has its work slots back after every order of reset, end of work and answer", () => {
    const steps: [string, (peer: ScriptedPeer, recorded: RecordedExchange, id: number) => void][] = [
      ["reset", (peer, _, id) => peer.send(rstStream(id, CANCEL))],
      ["endWork", (_, { exchange }) => exchange.endWork()],
      ["answer", (_, recorded) => recorded.answer()],
      ["abort", (_, { exchange }) => exchange.abort("internal")],
      ["beginWork", (_, { exchange }) => exchange.beginWork()],
    ];
    const peer = ScriptedPeer.greeted({ limits: { maxConcurrentStreams: 1 } });
    let id = -1;
    for (const [, first] of steps) {
      for (const [, second] of steps) {
        for (const [, third] of steps) {
          id += 2;
          peer.send(headers(id));
          const recorded = peer.exchanges.pop()!;
          expect(recorded, "the slot of the stream before is free").to.not.equal(undefined);
          recorded.exchange.beginWork();
          for (const step of [first, second, third]) step(peer, recorded, id);
          recorded.exchange.abort("cancel");
          recorded.exchange.endWork();
        }
      }
    }
    expect(peer.isEnded).to.equal(false);
  });
});
