import { expect } from "chai";
import { FieldSection } from "../../src/exchange.ts";
import {
  data,
  Flag,
  FrameType,
  frame,
  headers,
  priority,
  requestFields,
  rstStream,
  uint32,
  windowUpdate,
} from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

const open = (streamId: number) => headers(streamId, requestFields(), Flag.END_HEADERS);
const CANCEL = 8;

describe("RFC 9113 section 5.1: stream states", () => {
  it("open: takes DATA and ends with END_STREAM", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1), data(1, "body", Flag.END_STREAM));
    expect(peer.exchanges[0]).to.include({ body: "body" });
    expect(peer.exchanges[0].trailers).to.deep.equal([]);
  });

  it("half-closed (remote): resets a stream that gets DATA after END_STREAM", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), data(1, "late"));
    peer.expectReset(1, "STREAM_CLOSED", "frame-after-end-stream");
    expect(peer.exchanges[0].abortReason).to.equal("protocol-error");
  });

  it("half-closed (remote): resets a stream that gets HEADERS after END_STREAM", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), headers(1));
    peer.expectReset(1, "STREAM_CLOSED", "frame-after-end-stream");
  });

  it("half-closed (remote): takes WINDOW_UPDATE, PRIORITY and RST_STREAM", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1), windowUpdate(1, 10), priority(1, 0), rstStream(1, CANCEL));
    peer.expectNothing();
    expect(peer.exchanges[0].abortReason).to.equal("reset-by-peer");
  });

  it("half-closed (local): an early answer ends with RST_STREAM(NO_ERROR), and what was under way is ignored", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1));
    peer.exchanges[0].exchange.respondAndEnd(new FieldSection(413, []));
    peer.expect({ type: "HEADERS", streamId: 1, flags: Flag.END_HEADERS | Flag.END_STREAM });
    peer.expectReset(1, "NO_ERROR");
    peer.send(data(1, "under way"), headers(1, ["x", "y"]), rstStream(1, CANCEL), windowUpdate(1, 1));
    peer.expectNothing();
  });

  it("closed by the peer's reset: ends the connection over DATA", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1), rstStream(1, CANCEL), data(1, "x"));
    peer.expectGoAway("STREAM_CLOSED", "frame-on-closed-stream");
  });

  it("closed by both: ends the connection over DATA and over HEADERS", () => {
    for (const late of [data(1, "x"), headers(1)]) {
      const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer() });
      peer.send(headers(1), late);
      peer.expectGoAway("STREAM_CLOSED", "frame-on-closed-stream");
    }
  });

  it("closed: ignores WINDOW_UPDATE, PRIORITY and RST_STREAM", () => {
    const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer() });
    peer.send(headers(1));
    peer.receiveAll();
    peer.send(windowUpdate(1, 1), priority(1, 0), rstStream(1, CANCEL));
    peer.expectNothing();
  });

  it("closed by our reset: ignores frames that were under way, and keeps HPACK in step with them", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1));
    peer.exchanges[0].exchange.abort("cancel");
    peer.expectReset(1, "CANCEL");
    // A literal with incremental indexing (x: y) in trailers that nobody reads …
    peer.send(
      frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1, Buffer.from([0x40, 1, 0x78, 1, 0x79])),
    );
    // … is entry 62 of the next request's table.
    const request = Buffer.concat([Buffer.from([0x83, 0x86, 0x84, 0xbe])]);
    peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 3, request));
    expect(peer.exchanges[1].exchange.head.fields).to.deep.equal(["x", "y"]);
  });

  it("refuses a stream id that was skipped, and keeps no memory of skipped ids", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(2_000_001), open(1));
    peer.expectGoAway("PROTOCOL_ERROR", "stream-id-not-increasing");
  });

  it("takes the highest stream id first, and no other after it", () => {
    const peer = ScriptedPeer.greeted({ onExchange: (recorded) => recorded.answer() });
    peer.send(headers(0x7fff_ffff));
    expect(peer.receiveAll().map(({ type }) => type)).to.deep.equal(["HEADERS", "DATA", "DATA"]);
    peer.send(headers(1)).expectGoAway("PROTOCOL_ERROR");
  });

  it("ignores the reserved bit of a stream id", () => {
    const peer = ScriptedPeer.greeted();
    const request = headers(1);
    request.writeUInt32BE(0x8000_0001, 5);
    peer.send(request);
    expect(peer.exchanges).to.have.length(1);
  });

  it("refuses a stream that depends on itself, in PRIORITY and in HEADERS", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(priority(1, 1));
    peer.expectReset(1, "PROTOCOL_ERROR", "self-dependency");
    const withPriority = Buffer.concat([uint32(3), Buffer.from([15]), headers(3).subarray(9)]);
    peer.send(frame(FrameType.HEADERS, Flag.PRIORITY | Flag.END_HEADERS | Flag.END_STREAM, 3, withPriority));
    peer.expectReset(3, "PROTOCOL_ERROR", "self-dependency");
    expect(peer.exchanges).to.have.length(0);
  });

  it("counts a reset stream until its handler has settled", () => {
    const peer = ScriptedPeer.greeted({
      limits: { maxConcurrentStreams: 1 },
      onExchange: ({ exchange }) => exchange.beginWork(),
    });
    peer.send(headers(1), rstStream(1, CANCEL), headers(3));
    peer.expectReset(3, "REFUSED_STREAM", "too-many-handlers");
    peer.exchanges[0].exchange.endWork();
    peer.send(headers(5));
    expect(peer.exchanges).to.have.length(2);
  });

  it("aborts every exchange when the connection is lost, once", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1), headers(3));
    peer.connection.lost();
    peer.connection.lost();
    expect(peer.exchanges.map(({ abortReason }) => abortReason)).to.deep.equal([
      "connection-lost",
      "connection-lost",
    ]);
  });

  it("lets an exchange be answered within its abort without an effect (CVE-2026-56846)", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(open(1));
    const [recorded] = peer.exchanges;
    recorded.onAbort = () => {
      recorded.answer();
      recorded.exchange.abort("cancel");
      recorded.exchange.resume();
    };
    peer.send(rstStream(1, CANCEL));
    peer.expectNothing();
  });
});
