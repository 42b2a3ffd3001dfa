import { expect } from "chai";
import {
  block,
  continuation,
  data,
  Flag,
  FrameType,
  frame,
  goAway,
  headers,
  ping,
  priority,
  requestFields,
  rstStream,
  settings,
  uint32,
  windowUpdate,
} from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

/** Dialogues that are sent whole, byte by byte and in pieces, and must have one outcome. */
const dialogues: Record<string, Buffer[]> = {
  "a request with a body and trailers": [
    headers(1, requestFields(), Flag.END_HEADERS),
    data(1, "first "),
    data(1, "second"),
    headers(1, ["x-checksum", "42"]),
  ],
  "a header block in three parts": [
    frame(FrameType.HEADERS, Flag.END_STREAM, 1, block(requestFields()).subarray(0, 5)),
    continuation(1, block(requestFields()).subarray(5, 9)),
    continuation(1, block(requestFields()).subarray(9), Flag.END_HEADERS),
  ],
  "padding, pings and unknown frames": [
    ping(),
    frame(
      FrameType.HEADERS,
      Flag.PADDED | Flag.END_HEADERS,
      1,
      Buffer.concat([Buffer.from([3]), block(requestFields()), Buffer.alloc(3)]),
    ),
    frame(0x42, 0xff, 1, Buffer.from("whatever")),
    data(
      1,
      Buffer.concat([Buffer.from([2]), Buffer.from("padded"), Buffer.alloc(2)]),
      Flag.PADDED | Flag.END_STREAM,
    ),
  ],
};

function outcome(feed: (peer: ScriptedPeer) => void): object {
  const peer = ScriptedPeer.greeted({ onExchange: () => {} });
  feed(peer);
  const exchanges = peer.exchanges.map(({ body, trailers, exchange }) => ({
    body,
    trailers,
    path: exchange.head.path,
  }));
  return { exchanges, sent: peer.receiveAll().map(({ type, streamId }) => [type, streamId]) };
}

describe("RFC 9113 section 4: frames", () => {
  for (const [name, pieces] of Object.entries(dialogues)) {
    it(`reads ${name} alike whole, byte by byte and in any pieces`, () => {
      const bytes = Buffer.concat(pieces);
      const whole = outcome((peer) => peer.send(bytes));
      expect(outcome((peer) => peer.sendByteByByte(bytes))).to.deep.equal(whole);
      for (let size = 2; size < 30; size++) {
        const inPieces = outcome((peer) => {
          for (let at = 0; at < bytes.length; at += size) peer.send(bytes.subarray(at, at + size));
        });
        expect(inPieces, `pieces of ${size}`).to.deep.equal(whole);
      }
    });
  }

  it("refuses a frame that is larger than we allow, at its header", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(frame(FrameType.DATA, 0, 1, Buffer.alloc(16_385)).subarray(0, 9));
    peer.expectGoAway("FRAME_SIZE_ERROR", "frame-too-large");
  });

  it("takes a frame of exactly the largest size", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1, requestFields(), Flag.END_HEADERS), data(1, Buffer.alloc(16_384)));
    expect(peer.exchanges[0].body).to.have.length(16_384);
  });

  const wrongSizes: [string, Buffer][] = [
    ["PING of 7 bytes", frame(FrameType.PING, 0, 0, Buffer.alloc(7))],
    ["PING of 9 bytes", frame(FrameType.PING, 0, 0, Buffer.alloc(9))],
    ["RST_STREAM of 3 bytes", frame(FrameType.RST_STREAM, 0, 1, Buffer.alloc(3))],
    ["WINDOW_UPDATE of 5 bytes", frame(FrameType.WINDOW_UPDATE, 0, 0, Buffer.alloc(5))],
    ["SETTINGS of 5 bytes", frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5))],
    ["SETTINGS acknowledgement with a payload", frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(6))],
    ["GOAWAY of 7 bytes", frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(7))],
    ["PRIORITY_UPDATE of 3 bytes", frame(FrameType.PRIORITY_UPDATE, 0, 0, Buffer.alloc(3))],
  ];
  for (const [name, bytes] of wrongSizes) {
    it(`ends the connection over a ${name}`, () => {
      const peer = ScriptedPeer.greeted();
      peer.send(headers(1, requestFields(), Flag.END_HEADERS), bytes).expectGoAway("FRAME_SIZE_ERROR");
    });
  }

  it("resets a stream over a PRIORITY of the wrong size", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(4)));
    peer.expectReset(1, "FRAME_SIZE_ERROR", "priority-frame-size");
  });

  const wrongStreams: [string, Buffer][] = [
    ["DATA on stream 0", data(0, "x")],
    ["HEADERS on stream 0", headers(0)],
    ["RST_STREAM on stream 0", rstStream(0, 8)],
    ["PRIORITY on stream 0", priority(0, 3)],
    ["CONTINUATION on stream 0", continuation(0, Buffer.alloc(1))],
    ["SETTINGS on stream 1", frame(FrameType.SETTINGS, 0, 1)],
    ["PING on stream 1", frame(FrameType.PING, 0, 1, Buffer.alloc(8))],
    ["GOAWAY on stream 1", frame(FrameType.GOAWAY, 0, 1, Buffer.alloc(8))],
    ["PRIORITY_UPDATE on stream 1", frame(FrameType.PRIORITY_UPDATE, 0, 1, uint32(1))],
    ["PRIORITY_UPDATE for stream 0", frame(FrameType.PRIORITY_UPDATE, 0, 0, uint32(0))],
    ["PUSH_PROMISE from a client", frame(FrameType.PUSH_PROMISE, 4, 1, uint32(2))],
    ["DATA on an idle stream", data(9, "x")],
    ["RST_STREAM on an idle stream", rstStream(9, 8)],
    ["WINDOW_UPDATE on an idle stream", windowUpdate(9, 1)],
    ["HEADERS on an even stream", headers(2)],
  ];
  for (const [name, bytes] of wrongStreams) {
    it(`ends the connection over ${name}`, () => {
      ScriptedPeer.greeted().send(bytes).expectGoAway("PROTOCOL_ERROR");
    });
  }

  const wrongPadding: [string, Buffer][] = [
    ["DATA", data(1, Buffer.from([5, 1, 2, 3, 4]), Flag.PADDED)],
    ["HEADERS", frame(FrameType.HEADERS, Flag.PADDED | Flag.END_HEADERS, 3, Buffer.from([9, 0x82]))],
    [
      "HEADERS with priority",
      frame(FrameType.HEADERS, Flag.PRIORITY | Flag.END_HEADERS, 3, Buffer.from([0, 0, 0])),
    ],
  ];
  for (const [name, bytes] of wrongPadding) {
    it(`ends the connection over ${name} with more padding than payload`, () => {
      const peer = ScriptedPeer.greeted();
      peer
        .send(headers(1, requestFields(), Flag.END_HEADERS), bytes)
        .expectGoAway("PROTOCOL_ERROR", "padding-too-long");
    });
  }

  it("ends the connection over an empty DATA frame that says it is padded", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1, requestFields(), Flag.END_HEADERS), data(1, "", Flag.PADDED));
    peer.expectGoAway("FRAME_SIZE_ERROR");
  });

  it("ignores unknown frame types, also with any flags and on any stream (CVE-2026-27141)", () => {
    const peer = ScriptedPeer.greeted();
    for (let type = 0x0a; type < 0x100; type++) {
      if (type !== FrameType.PRIORITY_UPDATE) peer.send(frame(type, type, type, Buffer.alloc(type)));
    }
    peer.expectNothing();
    peer.send(headers(1));
    expect(peer.exchanges).to.have.length(1);
  });

  it("takes nothing but CONTINUATION within a header block", () => {
    for (const between of [
      ping(),
      data(1, "x"),
      settings(),
      frame(0x42, 0, 0),
      headers(3),
      continuation(3, Buffer.alloc(1)),
    ]) {
      const peer = ScriptedPeer.greeted();
      peer.send(frame(FrameType.HEADERS, 0, 1, block(requestFields()).subarray(0, 4)), between);
      peer.expectGoAway("PROTOCOL_ERROR");
    }
  });

  it("takes no CONTINUATION after END_HEADERS", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), continuation(1, block(["a", "b"]), Flag.END_HEADERS));
    peer.expectGoAway("PROTOCOL_ERROR", "unexpected-continuation");
  });

  it("waits ten seconds for the end of a header block", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(frame(FrameType.HEADERS, 0, 1, block(requestFields()).subarray(0, 4)));
    peer.wait(10_000).expectGoAway("PROTOCOL_ERROR", "header-block-timeout");
  });

  it("goes on after the client's GOAWAY until the last stream is answered (h2 0.4.14)", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), goAway(0, 0, "x".repeat(16_000)));
    expect(peer.isEnded).to.equal(false);
    peer.exchanges[0].answer();
    expect(peer.receiveAll().map(({ type }) => type)).to.deep.equal(["HEADERS", "DATA", "DATA"]);
    expect(peer.isEnded).to.equal(true);
  });
});
