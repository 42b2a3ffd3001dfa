import { expect } from "chai";
import {
  FrameType,
  frame,
  headers,
  requestFields,
  settings,
  uint32,
  windowUpdate,
} from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

const withPriority = (streamId: number, value: string) =>
  headers(streamId, requestFields("/", ["priority", value]));

/** The order in which streams get their first DATA when the connection's window opens bit by bit. */
function orderOf(prepare: (peer: ScriptedPeer) => void): number[] {
  const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer("x".repeat(40_000)) });
  peer.send(settings([4, 1_000_000]), headers(1), headers(3));
  prepare(peer);
  peer.receiveAll();
  peer.send(windowUpdate(0, 400_000));
  const ids = peer
    .receiveAll()
    .filter(({ type }) => type === "DATA")
    .map(({ streamId }) => streamId);
  return [...new Set(ids)].filter((id) => id > 3);
}

describe("RFC 9218: priorities", () => {
  it("sends the more urgent streams first", () => {
    expect(
      orderOf((peer) => peer.send(withPriority(5, "u=7"), withPriority(7, "u=0, i"), withPriority(9, "u=2"))),
    ).to.deep.equal([7, 9, 5]);
  });

  it("takes what it cannot read for the default", () => {
    expect(orderOf((peer) => peer.send(withPriority(5, "u=9"), withPriority(7, "u=2")))).to.deep.equal([
      7, 5,
    ]);
  });

  it("follows a PRIORITY_UPDATE of an open stream", () => {
    const update = (streamId: number, value: string) =>
      frame(FrameType.PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(streamId), Buffer.from(value)]));
    const order = orderOf((peer) => {
      peer.send(settings([4, 0]), withPriority(5, "u=6"), withPriority(7, "u=5"), update(5, "u=1"));
      peer.send(windowUpdate(7, 50_000), windowUpdate(5, 50_000));
    });
    expect(order).to.deep.equal([5, 7]);
  });

  it("ignores a PRIORITY_UPDATE of a stream that is not open", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(frame(FrameType.PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(99), Buffer.from("u=1")])));
    peer.expectNothing();
  });

  it("ends the connection over a PRIORITY_UPDATE of a push that was never promised (section 7.1)", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(frame(FrameType.PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(2), Buffer.from("u=1")])));
    peer.expectGoAway("PROTOCOL_ERROR");
  });
});
