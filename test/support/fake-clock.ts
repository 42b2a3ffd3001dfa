import type { Clock, Timer } from "../../src/http2/clock.ts";

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  private time = 0;
  private readonly timers = new Set<{ readonly at: number; readonly action: () => void }>();

  now(): number {
    return this.time;
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = { at: this.time + delayMs, action };
    this.timers.add(timer);
    return { cancel: () => this.timers.delete(timer) };
  }

  /** Timers that are set. */
  get pending(): number {
    return this.timers.size;
  }

  /** Moves time, and runs what is due in its order. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers.delete(due);
      this.time = due.at;
      due.action();
    }
    this.time = end;
  }
}
