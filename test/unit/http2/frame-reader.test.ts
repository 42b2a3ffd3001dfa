import { expect } from "chai";
import fc from "fast-check";
import { FrameReader } from "../../../src/http2/frame-reader.ts";
import type { Violation } from "../../../src/http2/violations.ts";
import { frame } from "../../support/frames.ts";

/** Frames as [type, flags, stream id, payload in hex]. */
type Seen = [number, number, number, string][];

function reading(): { reader: FrameReader; seen: Seen; broken: Violation[] } {
  const seen: Seen = [];
  const broken: Violation[] = [];
  const reader = new FrameReader({
    recvFrame(type, flags, streamId, bytes, start, end) {
      seen.push([type, flags, streamId, bytes.toString("hex", start, end)]);
    },
    recvBrokenFrame(violation) {
      broken.push(violation);
      reader.stop();
    },
  });
  return { reader, seen, broken };
}

const anyFrame = fc.record({
  type: fc.nat(255),
  flags: fc.nat(255),
  streamId: fc.nat(0x7fff_ffff),
  payload: fc.uint8Array({ maxLength: 300 }),
});

describe("the frame reader", () => {
  it("reads back any frames, in any pieces", () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
        (frames, sizes) => {
          const bytes = Buffer.concat(
            frames.map(({ type, flags, streamId, payload }) => frame(type, flags, streamId, payload)),
          );
          const { reader, seen } = reading();
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length];
            reader.receive(bytes.subarray(at, at + size), 1000);
            at += size;
          }
          const whole = reading();
          whole.reader.receive(bytes, 1000);
          expect(whole.seen).to.deep.equal(
            frames.map(({ type, flags, streamId, payload }) => [
              type,
              flags,
              streamId,
              Buffer.from(payload).toString("hex"),
            ]),
          );
          expect(seen).to.deep.equal(whole.seen);
        },
      ),
    );
  });

  it("reads the same frames one byte at a time", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 4 }), (frames) => {
        const bytes = Buffer.concat(
          frames.map(({ type, flags, streamId, payload }) => frame(type, flags, streamId, payload)),
        );
        const { reader, seen } = reading();
        for (const byte of bytes) reader.receive(Buffer.from([byte]), 1000);
        const whole = reading();
        whole.reader.receive(bytes, 1000);
        expect(seen).to.deep.equal(whole.seen);
      }),
    );
  });

  it("keeps what is over the budget, and goes on with it", () => {
    const { reader, seen } = reading();
    const bytes = Buffer.concat(Array.from({ length: 10 }, (_, i) => frame(i, 0, 0)));
    expect(reader.receive(bytes, 4)).to.equal(4);
    expect(reader.hasBacklog).to.equal(true);
    expect(reader.receive(frame(10, 0, 0), 4)).to.equal(0);
    expect(reader.resume(4)).to.equal(4);
    expect(reader.resume(4)).to.equal(3);
    expect(reader.hasBacklog).to.equal(false);
    expect(seen.map(([type]) => type)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("hands nothing on while it is halted, and loses nothing", () => {
    const { reader, seen } = reading();
    reader.isHalted = true;
    reader.receive(frame(1, 0, 0), 10);
    reader.receive(frame(2, 0, 0).subarray(0, 5), 10);
    reader.receive(frame(2, 0, 0).subarray(5), 10);
    expect(seen).to.deep.equal([]);
    reader.isHalted = false;
    reader.resume(10);
    expect(seen.map(([type]) => type)).to.deep.equal([1, 2]);
  });

  it("reports a frame that is too large at its header, whole or in pieces", () => {
    const header = frame(0, 0, 1, Buffer.alloc(16_385)).subarray(0, 9);
    for (const pieces of [[header], [...header].map((byte) => Buffer.from([byte]))]) {
      const { reader, broken } = reading();
      for (const piece of pieces) reader.receive(piece, 10);
      expect(broken.map(({ name }) => name)).to.deep.equal(["frame-too-large"]);
    }
  });

  it("reads nothing after it was stopped, not even what came in the same piece", () => {
    const { reader, seen } = reading();
    reader.receive(Buffer.concat([frame(1, 0, 0), frame(0, 0, 0, Buffer.alloc(17_000)), frame(2, 0, 0)]), 10);
    reader.receive(frame(3, 0, 0), 10);
    expect(seen.map(([type]) => type)).to.deep.equal([1]);
  });
});
