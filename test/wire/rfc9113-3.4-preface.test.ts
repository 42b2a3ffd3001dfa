import { expect } from "chai";
import { CLIENT_PREFACE, FrameType, frame, headers, ping, settings, settingsAck } from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

describe("RFC 9113 section 3.4: the connection preface", () => {
  it("is answered with our SETTINGS, a larger window and an acknowledgement", () => {
    const peer = new ScriptedPeer();
    peer.send(CLIENT_PREFACE, settings());
    peer.expect({ type: "SETTINGS", flags: 0, streamId: 0 });
    peer.expect({ type: "WINDOW_UPDATE", streamId: 0, increment: 1024 * 1024 - 65_535 });
    peer.expect({ type: "SETTINGS", flags: 1 });
    peer.expectNothing();
  });

  for (let cut = 1; cut < CLIENT_PREFACE.length; cut++) {
    it(`may be cut after ${cut} bytes`, () => {
      const peer = new ScriptedPeer();
      peer.send(CLIENT_PREFACE.subarray(0, cut)).send(CLIENT_PREFACE.subarray(cut), settings());
      expect(peer.receiveAll().at(-1)).to.include({ type: "SETTINGS", flags: 1 });
    });
  }

  it("ends the connection when it is wrong in its last byte", () => {
    const wrong = Buffer.from(CLIENT_PREFACE);
    wrong[23] = 0;
    new ScriptedPeer().send(wrong).expectGoAway("PROTOCOL_ERROR", "bad-preface");
  });

  it("must be followed by SETTINGS", () => {
    new ScriptedPeer()
      .send(CLIENT_PREFACE, ping())
      .expectGoAway("PROTOCOL_ERROR", "first-frame-not-settings");
  });

  it("is not followed by an acknowledgement in place of SETTINGS", () => {
    new ScriptedPeer()
      .send(CLIENT_PREFACE, settingsAck())
      .expectGoAway("PROTOCOL_ERROR", "first-frame-not-settings");
  });

  it("may be followed by a request in the same segment, before our SETTINGS are known", () => {
    const peer = new ScriptedPeer({ onExchange: (recorded) => recorded.answer("hello") });
    peer.send(CLIENT_PREFACE, settings(), headers(1));
    expect(peer.receiveAll().map(({ type }) => type)).to.include.members(["HEADERS", "DATA"]);
  });

  it("gives up on a peer that stays silent for ten seconds", () => {
    const peer = new ScriptedPeer();
    peer.wait(10_000).expectGoAway("PROTOCOL_ERROR", "preface-timeout");
  });

  it("gives up on a peer whose SETTINGS do not come", () => {
    const peer = new ScriptedPeer();
    peer.send(CLIENT_PREFACE).wait(10_000).expectGoAway("PROTOCOL_ERROR", "preface-timeout");
  });

  it("gives up on a peer that does not acknowledge our SETTINGS", () => {
    const peer = new ScriptedPeer();
    peer.send(CLIENT_PREFACE, settings()).wait(10_000).expectGoAway("SETTINGS_TIMEOUT", "settings-timeout");
  });

  it("leaves no timer behind when the connection is lost", () => {
    const peer = new ScriptedPeer();
    peer.send(CLIENT_PREFACE, settings());
    peer.connection.lost();
    expect(peer.clock.pending).to.equal(0);
  });

  it("ignores what comes after a fatal error (CVE-2026-27135, CVE-2026-48937)", () => {
    const peer = new ScriptedPeer();
    peer.send(CLIENT_PREFACE, ping(), frame(FrameType.HEADERS, 4, 1, Buffer.from([0x82])), headers(3));
    peer.expectGoAway("PROTOCOL_ERROR");
    peer.send(headers(5), Buffer.alloc(100_000, 0xff));
    peer.expectNothing();
    expect(peer.exchanges).to.have.length(0);
    peer.wait(1000);
    expect(peer.isDestroyed).to.equal(true);
  });
});
