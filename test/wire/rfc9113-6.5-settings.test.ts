import { expect } from "chai";
import { FieldSection } from "../../src/exchange.ts";
import { CLIENT_PREFACE, headers, settings, settingsAck } from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

const [HEADER_TABLE_SIZE, ENABLE_PUSH, INITIAL_WINDOW, MAX_FRAME, NO_PRIORITIES] = [1, 2, 4, 5, 9];

describe("RFC 9113 section 6.5: SETTINGS", () => {
  it("says our limits", () => {
    const peer = new ScriptedPeer();
    peer.send(CLIENT_PREFACE, settings());
    const { payload } = peer.expect({ type: "SETTINGS" });
    const entries = new Map<number, number>();
    for (let at = 0; at < payload.length; at += 6)
      entries.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    expect([...entries]).to.deep.equal([
      [1, 4096],
      [3, 1024],
      [4, 256 * 1024],
      [5, 16_384],
      [6, 16 * 1024],
      [9, 1],
    ]);
  });

  const wrong: [string, [number, number], "PROTOCOL_ERROR" | "FLOW_CONTROL_ERROR"][] = [
    ["ENABLE_PUSH of 2", [ENABLE_PUSH, 2], "PROTOCOL_ERROR"],
    ["an INITIAL_WINDOW_SIZE over 2^31-1", [INITIAL_WINDOW, 0x8000_0000], "FLOW_CONTROL_ERROR"],
    ["a MAX_FRAME_SIZE of 0 (CVE-2026-33814)", [MAX_FRAME, 0], "PROTOCOL_ERROR"],
    ["a MAX_FRAME_SIZE of 16,383", [MAX_FRAME, 16_383], "PROTOCOL_ERROR"],
    ["a MAX_FRAME_SIZE of 2^24", [MAX_FRAME, 0x100_0000], "PROTOCOL_ERROR"],
    ["NO_RFC7540_PRIORITIES of 2", [NO_PRIORITIES, 2], "PROTOCOL_ERROR"],
    ["NO_RFC7540_PRIORITIES that changes", [NO_PRIORITIES, 1], "PROTOCOL_ERROR"],
  ];
  for (const [name, entry, code] of wrong) {
    it(`ends the connection over ${name}`, () => {
      ScriptedPeer.greeted().send(settings(entry)).expectGoAway(code);
    });
  }

  it("ignores unknown settings, and acknowledges the frame", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(settings([0x4242, 7], [0x8, 1]));
    peer.expect({ type: "SETTINGS", flags: 1 });
    peer.expectNothing();
  });

  it("takes 32 entries and no more (CVE-2020-11080)", () => {
    const entries = (count: number) =>
      settings(...Array.from({ length: count }, (): [number, number] => [0x4242, 1]));
    const peer = ScriptedPeer.greeted();
    peer.send(entries(32));
    peer.expect({ type: "SETTINGS", flags: 1 });
    peer.send(entries(33)).expectGoAway("ENHANCE_YOUR_CALM", "settings-too-many");
  });

  it("ignores a second acknowledgement", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(settingsAck(), settingsAck());
    peer.expectNothing();
    expect(peer.isEnded).to.equal(false);
  });

  it("signals a header table that went to 0 and back in one frame by two size updates", () => {
    const peer = ScriptedPeer.greeted({
      onExchange: ({ exchange }) => exchange.respondAndEnd(new FieldSection(200, [])),
    });
    peer.send(settings([HEADER_TABLE_SIZE, 0], [HEADER_TABLE_SIZE, 4096]), headers(1));
    peer.expect({ type: "SETTINGS", flags: 1 });
    const { payload } = peer.expect({ type: "HEADERS" });
    expect(payload.subarray(0, 4).toString("hex")).to.equal("203fe11f");
  });

  it("uses no more than 4,096 bytes of table, whatever the peer offers", () => {
    const peer = ScriptedPeer.greeted({
      onExchange: ({ exchange }) => exchange.respondAndEnd(new FieldSection(200, [])),
    });
    peer.send(settings([HEADER_TABLE_SIZE, 0xffff_ffff]), headers(1));
    peer.expect({ type: "SETTINGS", flags: 1 });
    expect(peer.expect({ type: "HEADERS" }).payload).to.deep.equal(Buffer.from([0x88]));
  });

  it("survives a table size that thrashes between 0 and 4,096", () => {
    const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer() });
    for (let round = 0; round < 2000; round++) {
      peer.send(settings([HEADER_TABLE_SIZE, round % 2 === 0 ? 0 : 4096]), headers(2 * round + 1));
      expect(peer.receiveAll().map(({ type }) => type)).to.deep.equal([
        "SETTINGS",
        "HEADERS",
        "DATA",
        "DATA",
      ]);
    }
  });
});
