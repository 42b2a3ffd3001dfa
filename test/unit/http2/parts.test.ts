import { expect } from "chai";
import fc from "fast-check";
import { BandwidthEstimator } from "../../../src/http2/bandwidth.ts";
import { ClosedStreams } from "../../../src/http2/closed-streams.ts";
import { FloodGuards } from "../../../src/http2/flood-guards.ts";
import { readUint31, readUint32, writeFrameHeader } from "../../../src/http2/frame.ts";
import { InboundBuffer } from "../../../src/http2/inbound-buffer.ts";
import { defaultLimits } from "../../../src/http2/limits.ts";
import { MemoryBudget } from "../../../src/http2/memory-budget.ts";
import { parseUrgency } from "../../../src/http2/request-head.ts";
import { StallWatch } from "../../../src/http2/stall-watch.ts";
import * as state from "../../../src/http2/stream-state.ts";
import { StreamState } from "../../../src/http2/stream-state.ts";
import { TokenBucket } from "../../../src/http2/token-bucket.ts";
import { ReceiveWindow, SendWindow } from "../../../src/http2/window.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("a frame's header", () => {
  it("reads back as it was written", () => {
    fc.assert(
      fc.property(
        fc.nat(0xff_ffff),
        fc.nat(255),
        fc.nat(255),
        fc.nat(0x7fff_ffff),
        (length, type, flags, streamId) => {
          const bytes = Buffer.alloc(9);
          writeFrameHeader(bytes, 0, length, type, flags, streamId);
          expect([bytes.readUIntBE(0, 3), bytes[3], bytes[4], readUint31(bytes, 5)]).to.deep.equal([
            length,
            type,
            flags,
            streamId,
          ]);
        },
      ),
    );
  });

  it("has a stream id without the reserved bit", () => {
    const bytes = Buffer.from([0xff, 0xff, 0xff, 0xfe]);
    expect([readUint32(bytes, 0), readUint31(bytes, 0)]).to.deep.equal([0xffff_fffe, 0x7fff_fffe]);
  });
});

describe("a window of sending", () => {
  it("may be negative, and refuses to pass 2^31-1", () => {
    const window = new SendWindow(-10);
    expect(window.increase(0x7fff_ffff)).to.equal(true);
    expect(window.available).to.equal(0x7fff_fff5);
    expect(window.increase(11)).to.equal(false);
    expect(window.available).to.equal(0x7fff_fff5);
  });
});

describe("a window of receiving", () => {
  it("is given back once half of it is consumed", () => {
    const window = new ReceiveWindow(100);
    expect(window.take(100)).to.equal(true);
    expect(window.consume(49, 100)).to.equal(0);
    expect(window.consume(1, 100)).to.equal(50);
    expect(window.take(50)).to.equal(true);
    expect(window.take(1)).to.equal(false);
  });

  it("grows to its target with the next increment, and never shrinks", () => {
    const window = new ReceiveWindow(100);
    window.take(60);
    expect(window.consume(60, 400)).to.equal(360);
    window.take(300);
    expect(window.consume(300, 100)).to.equal(300);
  });

  it("never grants more than its size is open", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(500), fc.nat(2000)), { maxLength: 50 }), (steps) => {
        const window = new ReceiveWindow(1000);
        let granted = 1000;
        let size = 1000;
        for (const [bytes, target] of steps) {
          if (bytes > granted) continue;
          expect(window.take(bytes)).to.equal(true);
          granted += window.consume(bytes, target) - bytes;
          size = Math.max(size, target);
          expect(granted).to.be.at.most(size);
        }
      }),
    );
  });
});

describe("the state of a stream", () => {
  const { open, halfClosedRemote, halfClosedLocal, reservedLocal, closed } = StreamState;

  it("moves as RFC 9113 section 5.1 draws it", () => {
    expect([open, halfClosedLocal].map(state.recvEnd)).to.deep.equal([halfClosedRemote, closed]);
    expect([open, halfClosedRemote].map(state.sendEnd)).to.deep.equal([halfClosedLocal, closed]);
    expect([reservedLocal, open].map(state.sendHeaders)).to.deep.equal([halfClosedRemote, open]);
  });

  it("says of every state what DATA means in it", () => {
    const judged = Object.values(StreamState).map((value) => state.judgeData(value)?.name ?? null);
    expect(judged).to.deep.equal([
      null,
      "frame-after-end-stream",
      null,
      "frame-on-reserved-stream",
      "frame-after-end-stream",
    ]);
  });

  it("says who may send", () => {
    const all = Object.values(StreamState);
    expect(all.filter(state.canSend)).to.deep.equal([open, halfClosedRemote, reservedLocal]);
    expect(all.filter(state.canReceive)).to.deep.equal([open, halfClosedLocal]);
  });
});

describe("what is kept for a paused receiver", () => {
  it("comes out as it went in", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 40 }), (pieces) => {
        const buffer = new InboundBuffer();
        for (const piece of pieces) buffer.push(piece);
        const whole = Buffer.concat(pieces);
        expect(buffer.length).to.equal(whole.length);
        const out: Uint8Array[] = [];
        for (let chunk = buffer.shift(); chunk !== null; chunk = buffer.shift()) out.push(Buffer.from(chunk));
        expect(Buffer.concat(out).equals(whole)).to.equal(true);
        expect(buffer.length).to.equal(0);
      }),
    );
  });

  it("keeps no reference to the socket's memory, and at most twice what came (CVE-2026-84304)", () => {
    const buffer = new InboundBuffer();
    const memory = new Set<ArrayBufferLike>();
    for (let i = 0; i < 10_000; i++) buffer.push(Buffer.alloc(65_536).subarray(i, i + 1));
    let kept = 0;
    for (let chunk = buffer.shift(); chunk !== null; chunk = buffer.shift()) {
      memory.add(chunk.buffer);
      kept += chunk.buffer.byteLength;
    }
    expect(kept).to.be.at.most(2 * 10_000 + 65_536);
    expect(memory.size).to.be.at.most(10);
  });
});

describe("the memory of closed streams", () => {
  it("knows the last resets and endings, and stays small", () => {
    const streams = new ClosedStreams();
    for (let id = 1; id < 100_000; id += 2) {
      streams.addReset(id);
      streams.addEnded(id + 1);
    }
    expect([streams.wasReset(99_999), streams.wasReset(1)]).to.deep.equal([true, false]);
    expect([streams.wasEnded(100_000), streams.wasEnded(2)]).to.deep.equal([true, false]);
  });
});

describe("a token bucket", () => {
  it("allows its burst, then its rate", () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(clock, 10, 5);
    const taken = () => Array.from({ length: 100 }, () => bucket.take()).filter(Boolean).length;
    expect(taken()).to.equal(10);
    clock.advance(1000);
    expect(taken()).to.equal(5);
    clock.advance(60_000);
    expect(taken()).to.equal(10);
  });
});

describe("the guard of pings (gRPC proposal A8)", () => {
  it("allows one every five minutes with streams, and one every two hours without", () => {
    const clock = new FakeClock();
    const guards = new FloodGuards(clock, defaultLimits);
    for (let i = 0; i < 10; i++) {
      expect(guards.judgePing(true, 0)).to.equal(null);
      clock.advance(5 * 60_000);
    }
    for (let i = 0; i < 2; i++) {
      expect(guards.judgePing(false, 0)).to.equal(null);
      clock.advance(2 * 60 * 60_000 - 1);
    }
    expect(guards.judgePing(false, 0)?.name).to.equal("too-many-pings");
  });
});

describe("the estimate of bandwidth", () => {
  it("doubles while a round trip fills the window, up to the cap", () => {
    const estimator = new BandwidthEstimator(defaultLimits, new MemoryBudget(1 << 30));
    const targets: number[] = [];
    while (estimator.begin()) {
      estimator.recvData(estimator.streamTarget);
      estimator.finish();
      targets.push(estimator.streamTarget / 1024);
    }
    expect(targets).to.deep.equal([512, 1024, 2048, 4096]);
  });

  it("stays while the window is not what holds the peer back, and while memory is short", () => {
    const budget = new MemoryBudget(1000);
    const estimator = new BandwidthEstimator(defaultLimits, budget);
    estimator.begin();
    estimator.recvData(10_000);
    estimator.finish();
    expect(estimator.streamTarget).to.equal(defaultLimits.streamWindowBytes);
    budget.add(500);
    expect(estimator.begin()).to.equal(false);
  });
});

describe("the watch for stalls", () => {
  /** What the watch sees, and what it has done about it. */
  function watchOf(watched: { pendingBytes?: number; queuedBytes?: number }) {
    const clock = new FakeClock();
    const seen = {
      pendingBytes: 0,
      takenBytes: 0,
      queuedBytes: 0,
      socketStalls: 0,
      streamChecks: 0,
      ...watched,
      socketStalled: () => seen.socketStalls++,
      checkStalledStreams: () => seen.streamChecks++,
    };
    return { clock, seen, watch: new StallWatch(clock, defaultLimits, seen) };
  }

  it("sleeps without unsent bytes, and wakes with them", () => {
    const { clock, seen, watch } = watchOf({});
    watch.check();
    expect(clock.pending).to.equal(0);
    seen.pendingBytes = 1000;
    watch.check();
    clock.advance(19_999);
    expect(seen.socketStalls).to.equal(0);
    clock.advance(1);
    expect(seen.socketStalls).to.equal(1);
  });

  it("begins anew when the socket has taken everything", () => {
    const { clock, seen, watch } = watchOf({ pendingBytes: 1000 });
    watch.check();
    clock.advance(15_000);
    watch.progress();
    watch.check();
    clock.advance(15_000);
    expect(seen.socketStalls).to.equal(0);
    clock.advance(5000);
    expect(seen.socketStalls).to.equal(1);
  });

  it("forgives a socket that takes some in each period, though more is written than it takes", () => {
    const { clock, seen, watch } = watchOf({ pendingBytes: 1000 });
    watch.check();
    for (let i = 0; i < 9; i++) {
      seen.takenBytes += 100;
      seen.pendingBytes += 200;
      clock.advance(20_000);
    }
    expect(seen.socketStalls).to.equal(0);
    clock.advance(20_000);
    expect(seen.socketStalls).to.equal(1);
  });

  it("looks at the streams every half minute, also while the socket moves on and on", () => {
    const { clock, seen, watch } = watchOf({ pendingBytes: 1000, queuedBytes: 1000 });
    for (let second = 0; second < 120; second += 10) {
      watch.check();
      clock.advance(10_000);
      watch.progress();
    }
    expect([seen.streamChecks, seen.socketStalls]).to.deep.equal([4, 0]);
  });

  it("looks at the socket in time, also when it watched streams before", () => {
    const { clock, seen, watch } = watchOf({ queuedBytes: 1000 });
    watch.check();
    seen.pendingBytes = 1000;
    watch.check();
    clock.advance(20_000);
    expect(seen.socketStalls).to.equal(1);
  });

  it("leaves no timer behind when it is stopped", () => {
    const { clock, watch } = watchOf({ pendingBytes: 1000, queuedBytes: 1000 });
    watch.check();
    watch.stop();
    expect(clock.pending).to.equal(0);
  });
});

describe("the urgency of a priority field (RFC 9218 section 4)", () => {
  for (const [value, urgency] of [
    ["u=0", 0],
    ["i, u=7", 7],
    ["u=5;x=1", 5],
    ["u=8", 3],
    ["u=-1", 3],
    ["", 3],
    ["xu=1", 3],
    ["i", 3],
  ] as const) {
    it(`of "${value}" is ${urgency}`, () => expect(parseUrgency(value)).to.equal(urgency));
  }
});
