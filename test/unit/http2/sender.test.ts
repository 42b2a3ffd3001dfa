import { expect } from "chai";
import { FieldSection } from "../../../src/exchange.ts";
import { HpackDecoder } from "../../../src/http2/hpack/decoder.ts";
import { defaultLimits, type Http2Limits } from "../../../src/http2/limits.ts";
import { type ByteSink, Output, SharedScratch } from "../../../src/http2/output.ts";
import { Http2RequestHead } from "../../../src/http2/request-head.ts";
import { Sender } from "../../../src/http2/sender.ts";
import { PeerSettings } from "../../../src/http2/settings.ts";
import { Http2Stream, type StreamOwner } from "../../../src/http2/stream.ts";
import { StreamState } from "../../../src/http2/stream-state.ts";

/** A sender with all its parts, and what it has written. */
class Bench {
  readonly sent: { type: number; flags: number; streamId: number; payload: Buffer }[] = [];
  readonly settings = new PeerSettings();
  readonly drained: number[] = [];
  readonly ended: number[] = [];
  onDrained: (stream: Http2Stream) => void = () => {};
  readonly sender: Sender;
  private readonly output: Output;
  private bytes = Buffer.alloc(0);

  constructor(limits: Partial<Http2Limits> = {}) {
    const sink: ByteSink = {
      write: (bytes, start, end) => {
        this.bytes = Buffer.concat([this.bytes, bytes.subarray(start, end)]);
        return true;
      },
      writeMany: (pieces) => {
        this.bytes = Buffer.concat([this.bytes, ...pieces]);
      },
      pendingBytes: 0,
    };
    this.output = new Output(sink, new SharedScratch());
    this.sender = new Sender(
      this.output,
      this.settings,
      { ...defaultLimits, ...limits },
      {
        sentEnd: ({ id }) => this.ended.push(id),
        drained: (stream) => {
          this.drained.push(stream.id);
          this.onDrained(stream);
        },
        flush: () => this.output.flush(),
      },
    );
  }

  stream(id: number, window = 65_535, urgency = 3): Http2Stream {
    const head = new Http2RequestHead("POST", "http", "", "/", [], -1, urgency);
    return new Http2Stream({} as StreamOwner, id, head, StreamState.open, window);
  }

  /** Writes and waits, as an exchange does. */
  write(stream: Http2Stream, bytes: number): void {
    this.sender.sendData(stream, Buffer.alloc(bytes, stream.id), undefined);
    stream.needsDrain = stream.outboundBytes > 0;
  }

  /** What was written since the last call. */
  frames(): string[] {
    this.output.flush();
    const frames: string[] = [];
    while (this.bytes.length > 0) {
      const length = this.bytes.readUIntBE(0, 3);
      const [type, flags] = [this.bytes[3], this.bytes[4]];
      const frame = {
        type,
        flags,
        streamId: this.bytes.readUInt32BE(5),
        payload: this.bytes.subarray(9, 9 + length),
      };
      this.sent.push(frame);
      frames.push(`${frame.streamId}:${length}`);
      this.bytes = this.bytes.subarray(9 + length);
    }
    return frames;
  }
}

describe("the sender", () => {
  it("sends at once what both windows allow, and keeps the rest in its stream", () => {
    const bench = new Bench();
    const stream = bench.stream(1, 100);
    bench.write(stream, 60);
    bench.write(stream, 60);
    expect(bench.frames()).to.deep.equal(["1:60", "1:40"]);
    expect([stream.outboundBytes, bench.sender.queuedBytes]).to.deep.equal([20, 20]);
    expect([stream.sendWindow, bench.sender.window.available]).to.deep.equal([0, 65_435]);
  });

  it("cuts what is larger than a frame of the peer", () => {
    const bench = new Bench();
    bench.write(bench.stream(1), 40_000);
    expect(bench.frames()).to.deep.equal(["1:16384", "1:16384", "1:7232"]);
  });

  it("joins small pieces that waited into one frame, in their order", () => {
    const bench = new Bench();
    const stream = bench.stream(1, 0);
    for (const piece of ["a", "bc", "def"])
      bench.sender.sendData(stream, Buffer.from(piece), Buffer.from("-"));
    stream.sendWindow = 7;
    bench.sender.enqueue(stream);
    bench.sender.pump();
    expect(bench.frames()).to.deep.equal(["1:7"]);
    stream.sendWindow = 100;
    bench.sender.enqueue(stream);
    bench.sender.pump();
    bench.frames();
    expect(bench.sent.map(({ payload }) => payload.toString()).join("|")).to.equal("a-bc-de|f-");
  });

  it("lets streams that wait take turns of one frame", () => {
    const bench = new Bench();
    bench.sender.window.available = 0;
    for (const id of [1, 3, 5]) bench.write(bench.stream(id), 20_000);
    bench.sender.window.increase(100_000);
    bench.sender.pump();
    expect(bench.frames()).to.deep.equal(["1:16384", "3:16384", "5:16384", "1:3616", "3:3616", "5:3616"]);
    expect(bench.drained).to.deep.equal([1, 3, 5]);
  });

  it("serves the most urgent of those that wait, and the others when it has nothing left", () => {
    const bench = new Bench();
    bench.sender.window.available = 0;
    bench.write(bench.stream(1, 65_535, 7), 100);
    bench.write(bench.stream(3, 65_535, 0), 20_000);
    bench.write(bench.stream(5, 65_535, 3), 100);
    bench.sender.window.increase(100_000);
    bench.sender.pump();
    expect(bench.frames()).to.deep.equal(["3:16384", "3:3616", "5:100", "1:100"]);
  });

  it("stops in the middle of a turn when the connection's window is used up, and goes on in the same order", () => {
    const bench = new Bench();
    bench.sender.window.available = 0;
    for (const id of [1, 3, 5]) bench.write(bench.stream(id), 100);
    bench.sender.window.increase(150);
    bench.sender.pump();
    expect(bench.frames()).to.deep.equal(["1:100", "3:50"]);
    bench.sender.window.increase(1000);
    bench.sender.pump();
    expect(bench.frames().sort()).to.deep.equal(["3:50", "5:100"]);
    expect([bench.sender.queuedBytes, bench.sender.hasQueued]).to.deep.equal([0, false]);
  });

  it("goes on with the others when a receiver writes as soon as its stream has drained", () => {
    const bench = new Bench();
    const [first, second] = [bench.stream(1), bench.stream(3)];
    bench.sender.window.available = 0;
    bench.write(first, 10);
    bench.write(second, 10);
    let writes = 0;
    bench.onDrained = (stream) => {
      if (writes++ < 3) bench.write(stream, 20_000);
    };
    bench.sender.window.increase(1_000_000);
    bench.sender.pump();
    expect(bench.frames().slice(0, 4)).to.deep.equal(["1:10", "3:10", "1:16384", "3:16384"]);
    expect([bench.sender.hasQueued, bench.sender.queuedBytes]).to.deep.equal([false, 0]);
    expect(first.outboundBytes + second.outboundBytes).to.equal(0);
  });

  it("sends trailers behind the body that waited", () => {
    const bench = new Bench();
    const stream = bench.stream(1, 0);
    bench.write(stream, 10);
    stream.endsWith = new FieldSection(0, ["grpc-status", "0"]);
    bench.sender.sendEnd(stream);
    expect(bench.ended).to.deep.equal([]);
    stream.sendWindow = 10;
    bench.sender.enqueue(stream);
    bench.sender.pump();
    bench.frames();
    expect(bench.sent.map(({ type, flags }) => [type, flags])).to.deep.equal([
      [0, 0],
      [1, 5],
    ]);
    expect(bench.ended).to.deep.equal([1]);
  });

  it("forgets a stream that is reset while it waits", () => {
    const bench = new Bench();
    bench.sender.window.available = 0;
    const streams = [1, 3, 5].map((id) => bench.stream(id));
    for (const stream of streams) bench.write(stream, 100);
    bench.sender.forget(streams[1]);
    expect(bench.sender.queuedBytes).to.equal(200);
    bench.sender.window.increase(1000);
    bench.sender.pump();
    expect(bench.frames()).to.deep.equal(["1:100", "5:100"]);
    expect(bench.sender.hasQueued).to.equal(false);
  });

  it("keeps no streams that were reset behind a closed window (CVE-2019-9517)", () => {
    const bench = new Bench();
    const live = bench.stream(1);
    bench.sender.window.available = 0;
    bench.write(live, 100);
    for (let id = 3; id < 20_000; id += 2) {
      const stream = bench.stream(id, 65_535, id % 8);
      bench.write(stream, 100);
      bench.sender.forget(stream);
    }
    const { queues } = bench.sender as unknown as { queues: Http2Stream[][] };
    expect(queues.flat().length).to.be.at.most(200);
    bench.sender.window.increase(1000);
    bench.sender.pump();
    expect(bench.frames()).to.deep.equal(["1:100"]);
    expect([bench.sender.hasQueued, bench.sender.queuedBytes]).to.deep.equal([false, 0]);
  });

  it("cuts a header section that is larger than a frame, whatever header list we take ourselves", () => {
    const bench = new Bench({ maxHeaderListBytes: 100_000 });
    const fields = Array.from({ length: 20 }, (_, i) => [`x-${i}`, `${i}`.padEnd(2000, "~")]).flat();
    bench.sender.sendHeaders(bench.stream(1), new FieldSection(200, fields), true);
    bench.frames();
    expect(bench.sent.map(({ type, flags }) => [type, flags])).to.deep.equal([
      [1, 1],
      [9, 0],
      [9, 4],
    ]);
    expect(Math.max(...bench.sent.map(({ payload }) => payload.length))).to.equal(16_384);
    const block = Buffer.concat(bench.sent.map(({ payload }) => payload));
    const decoder = new HpackDecoder(4096, { maxListBytes: 1e6, maxFields: 1000, absoluteListBytes: 1e6 });
    expect(decoder.decode(block, 0, block.length).fields).to.deep.equal([":status", "200", ...fields]);
  });

  it("counts the HEADERS that it writes while the socket is full", () => {
    const bench = new Bench();
    bench.sender.sendHeaders(bench.stream(1), new FieldSection(204, []), true);
    expect(bench.sender.headersBehind).to.equal(0);
    bench.sender.isBlocked = true;
    bench.sender.sendHeaders(bench.stream(3), new FieldSection(204, []), true);
    expect(bench.sender.headersBehind).to.equal(1);
  });
});
