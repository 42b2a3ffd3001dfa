import { expect } from "chai";
import { FieldSection } from "../../src/exchange.ts";
import { data, Flag, headers, requestFields, rstStream, settings, windowUpdate } from "../support/frames.ts";
import { type RecordedExchange, ScriptedPeer } from "../support/scripted-peer.ts";

const INITIAL_WINDOW = 4;
const CANCEL = 8;
const OK = new FieldSection(200, []);
const open = (streamId: number) => headers(streamId, requestFields(), Flag.END_HEADERS);
const fault = new Error("the receiver is at fault");
const throwFault = () => {
  throw fault;
};

/** The connection goes on after a fault: another call is served, and everything is let go in the end. */
function expectAlive(peer: ScriptedPeer): void {
  expect(peer.faults).to.deep.equal([fault]);
  peer.send(headers(99));
  const next = peer.exchanges.at(-1)!;
  next.answer();
  expect(peer.receiveAll().map(({ type, streamId }) => [type, streamId])).to.deep.equal([
    ["HEADERS", 99],
    ["DATA", 99],
    ["DATA", 99],
  ]);
  expect(peer.isEnded).to.equal(false);
  peer.connection.lost();
  expect([peer.budget.usedBytes, peer.connection.streamCount, peer.clock.pending]).to.deep.equal([0, 0, 0]);
}

function faulty(name: keyof RecordedExchange): ScriptedPeer {
  const peer = ScriptedPeer.greeted({
    onExchange: (recorded) => {
      if (peer.exchanges.length === 1) Object.assign(recorded, { [name]: throwFault });
    },
  });
  return peer;
}

describe("a handler or receiver that throws, which it must not", () => {
  it("loses its stream when it throws as it is given the exchange", () => {
    let isFirst = true;
    const peer = ScriptedPeer.greeted({
      onExchange: () => {
        if (!isFirst) return;
        isFirst = false;
        throwFault();
      },
    });
    peer.send(headers(1));
    peer.expectReset(1, "INTERNAL_ERROR");
    expect(peer.exchanges[0].abortReason).to.equal("refused");
    expectAlive(peer);
  });

  it("loses its stream when it throws in onData, and hears that it is over", () => {
    const peer = faulty("onData");
    peer.send(open(1), data(1, "x"), data(1, "y"), data(1, "z", Flag.END_STREAM));
    peer.expectReset(1, "INTERNAL_ERROR");
    expect(peer.exchanges[0]).to.include({ abortReason: "refused", trailers: null });
    expectAlive(peer);
  });

  it("loses its stream when it throws in onEnd", () => {
    const peer = faulty("onEnd");
    peer.send(open(1), headers(1, ["x", "y"]));
    peer.expectReset(1, "INTERNAL_ERROR");
    expectAlive(peer);
  });

  it("loses its stream when it throws in onEnd of a request without a body", () => {
    const peer = faulty("onEnd");
    peer.send(headers(1));
    peer.expectReset(1, "INTERNAL_ERROR");
    expectAlive(peer);
  });

  it("loses its stream when it throws in onDrain, and the streams behind it are served", () => {
    const peer = faulty("onDrain");
    peer.send(settings([INITIAL_WINDOW, 0]), headers(1), headers(3));
    for (const { exchange } of peer.exchanges) {
      exchange.respond(OK);
      exchange.write(Buffer.from("x"));
    }
    peer.receiveAll();
    peer.send(settings([INITIAL_WINDOW, 100]));
    expect(peer.receiveAll().map(({ type, streamId }) => [type, streamId])).to.deep.equal([
      ["SETTINGS", 0],
      ["DATA", 1],
      ["RST_STREAM", 1],
      ["DATA", 3],
    ]);
    expect(peer.exchanges[1].drains).to.equal(1);
    peer.send(windowUpdate(0, 1));
    expectAlive(peer);
  });

  it("changes nothing when it throws in onAbort", () => {
    const peer = faulty("onAbort");
    peer.send(open(1), rstStream(1, CANCEL));
    peer.expectNothing();
    expectAlive(peer);
  });

  it("does not keep the others from hearing that the connection is lost", () => {
    const peer = faulty("onAbort");
    peer.send(open(1), open(3));
    peer.connection.lost();
    expect(peer.exchanges[1].abortReason).to.equal("connection-lost");
  });

  it("loses its stream when it throws as kept bytes are handed on, and not its caller", () => {
    const peer = faulty("onData");
    peer.send(open(1));
    const [{ exchange }] = peer.exchanges;
    exchange.pause();
    peer.send(data(1, "x"), data(1, "y"));
    exchange.resume();
    peer.expectReset(1, "INTERNAL_ERROR");
    expectAlive(peer);
  });

  it("gives its work slot back as soon as its work ends", () => {
    const peer = ScriptedPeer.greeted({
      limits: { maxConcurrentStreams: 1 },
      onExchange: (recorded) => {
        recorded.exchange.beginWork();
        recorded.onData = throwFault;
        recorded.onAbort = () => recorded.exchange.endWork();
      },
    });
    for (let id = 1; id < 20; id += 2) peer.send(open(id), data(id, "x"));
    expect(peer.exchanges).to.have.length(10);
  });
});
