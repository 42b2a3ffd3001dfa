import { expect } from "chai";
import { type DeadlineEntry, Deadlines } from "../../src/rpc/deadlines.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { useFakeTimers } from "../support/fake-timers.ts";

const HOUR_MS = 3_600_000;

class Entry implements DeadlineEntry {
  deadlineMs = 0;
  heapIndex = -1;

  constructor(private readonly action: () => void = () => {}) {}

  onDeadline(): void {
    this.action();
  }
}

describe("Deadlines", () => {
  let clock: FakeClock;
  let deadlines: Deadlines;
  let restore: () => void;

  beforeEach(() => {
    clock = new FakeClock();
    restore = useFakeTimers(clock);
    deadlines = new Deadlines(() => clock.now());
  });
  afterEach(() => restore());

  /** Adds entries that write down when they are called. */
  function addAll(...delays: number[]): {
    readonly calls: [delay: number, at: number][];
    readonly entries: Entry[];
  } {
    const calls: [number, number][] = [];
    const entries = delays.map((delay) => new Entry(() => calls.push([delay, clock.now()])));
    for (const [i, entry] of entries.entries()) deadlines.add(entry, delays[i]);
    return { calls, entries };
  }

  it("calls each entry at its time, in the order of the times", () => {
    const { calls } = addAll(50, 10, 40, 20, 30, 10);
    clock.advance(100);
    expect(calls).to.deep.equal([10, 10, 20, 30, 40, 50].map((delay) => [delay, delay]));
    expect(deadlines.size).to.equal(0);
    expect(clock.pending).to.equal(0);
  });

  it("is never early, even when its timer is", () => {
    let skew = 0;
    deadlines = new Deadlines(() => clock.now() - skew);
    const { calls } = addAll(10);
    skew = 0.5;
    clock.advance(10);
    expect(calls).to.deep.equal([]);
    clock.advance(1);
    expect(calls).to.have.length(1);
  });

  it("rounds a fraction of a millisecond up", () => {
    const { calls } = addAll(0.001, 1.5);
    clock.advance(1);
    expect(calls).to.deep.equal([[0.001, 1]]);
    clock.advance(1);
    expect(calls).to.deep.equal([
      [0.001, 1],
      [1.5, 2],
    ]);
  });

  it("waits longer than a timer of 31 bits can", () => {
    const delay = 99_999_999 * HOUR_MS;
    const { calls } = addAll(2 ** 31, 2 ** 32 + 7);
    deadlines.add(new Entry(), delay);
    clock.advance(2 ** 31 - 1);
    expect(calls).to.deep.equal([]);
    clock.advance(2 ** 32 + 7);
    expect(calls).to.deep.equal([
      [2 ** 31, 2 ** 31],
      [2 ** 32 + 7, 2 ** 32 + 7],
    ]);
    expect(deadlines.size).to.equal(1);
  });

  it("does not call what was taken back, wherever it stood in the heap", () => {
    const delays = [...Array(64).keys()].map((i) => ((i * 37) % 64) + 1);
    const { calls, entries } = addAll(...delays);
    for (let i = 0; i < entries.length; i += 3) deadlines.remove(entries[i]);
    const left = delays.filter((_delay, i) => i % 3 !== 0).sort((a, b) => a - b);
    clock.advance(100);
    expect(calls.map(([delay]) => delay)).to.deep.equal(left);
  });

  it("takes back an entry that is not there without harm", () => {
    const { entries } = addAll(10);
    deadlines.remove(entries[0]);
    deadlines.remove(entries[0]);
    deadlines.remove(new Entry());
    expect(deadlines.size).to.equal(0);
  });

  it("lets an entry add and remove others while it is called", () => {
    const called: string[] = [];
    const victim = new Entry(() => called.push("victim"));
    const late = new Entry(() => called.push("late"));
    deadlines.add(
      new Entry(() => {
        deadlines.remove(victim);
        deadlines.add(late, 5);
      }),
      10,
    );
    deadlines.add(victim, 10);
    clock.advance(14);
    expect(called).to.deep.equal([]);
    clock.advance(1);
    expect(called).to.deep.equal(["late"]);
    expect(deadlines.size).to.equal(0);
  });

  it("has one timer at most and leaves nothing behind, after a million entries", () => {
    for (let round = 0; round < 1000; round++) {
      const entries = Array.from({ length: 1000 }, () => new Entry());
      for (const [i, entry] of entries.entries()) deadlines.add(entry, HOUR_MS - i);
      for (const entry of entries) deadlines.remove(entry);
    }
    expect(deadlines.size).to.equal(0);
    expect(clock.pending).to.equal(1);
    clock.advance(HOUR_MS);
    expect(clock.pending).to.equal(0);
  });
});
