import { expect } from "chai";
import { headers } from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

describe("a connection whose grace is over", () => {
  it("resets each open stream with CANCEL, says GOAWAY and ends", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), headers(3));
    peer.connection.cancel();
    expect(peer.receiveAll().map(({ type, streamId, code }) => [type, streamId, code])).to.deep.equal([
      ["RST_STREAM", 1, "CANCEL"],
      ["RST_STREAM", 3, "CANCEL"],
      ["GOAWAY", 0, "NO_ERROR"],
    ]);
    expect(peer.exchanges.map(({ abortReason }) => abortReason)).to.deep.equal([
      "connection-lost",
      "connection-lost",
    ]);
    expect(peer.isEnded).to.equal(true);
  });

  it("does so behind a drain, too, and once", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    peer.connection.drain("graceful_stop");
    peer.wait(5000);
    peer.receiveAll();
    peer.connection.cancel();
    peer.connection.cancel();
    expect(peer.receiveAll().map(({ type, code }) => [type, code])).to.deep.equal([["RST_STREAM", "CANCEL"]]);
    expect(peer.isEnded).to.equal(true);
  });
});
