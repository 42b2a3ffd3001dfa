import { performance } from "node:perf_hooks";

/** Node's timers hold 31 bits of milliseconds; a longer one would fire at once. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** Something that is to happen at a moment, unless it is taken back first. */
export interface DeadlineEntry {
  /** On the monotonic clock, in milliseconds. */
  deadlineMs: number;
  /** Its place in the heap; -1 when it is not there. Kept by {@link Deadlines}. */
  heapIndex: number;
  onDeadline(): void;
}

/**
 * The deadlines of all calls in one binary heap with one timer: a million calls with an hour each leave nothing
 * behind when they end, where a million timers would. Monotonic, so a jump of the wall clock fires nothing.
 */
export class Deadlines {
  private readonly heap: DeadlineEntry[] = [];
  private timer: NodeJS.Timeout | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private readonly onTimer = () => this.fire();

  constructor(readonly now: () => number = () => performance.now()) {}

  get size(): number {
    return this.heap.length;
  }

  /** Adds an entry that is not in the heap. */
  add(entry: DeadlineEntry, delayMs: number): void {
    entry.deadlineMs = this.now() + delayMs;
    entry.heapIndex = this.heap.length;
    this.heap.push(entry);
    this.siftUp(entry);
    if (entry.heapIndex === 0) this.schedule();
  }

  /** Takes an entry back; without effect when it is not there. */
  remove(entry: DeadlineEntry): void {
    const index = entry.heapIndex;
    if (index < 0) return;
    entry.heapIndex = -1;
    const last = this.heap.pop() as DeadlineEntry;
    if (last !== entry) {
      last.heapIndex = index;
      this.heap[index] = last;
      this.siftUp(last);
      this.siftDown(last);
    }
    // The timer is left to fire for nothing: to move it for every call would cost more than one empty round.
  }

  private fire(): void {
    this.timer = null;
    this.timerAtMs = Number.POSITIVE_INFINITY;
    const now = this.now();
    while (this.heap.length > 0 && this.heap[0].deadlineMs <= now) {
      const entry = this.heap[0];
      this.remove(entry);
      entry.onDeadline();
    }
    if (this.heap.length > 0) this.schedule();
  }

  private schedule(): void {
    const next = this.heap[0].deadlineMs;
    if (this.timer !== null && this.timerAtMs <= next) return;
    this.stopTimer();
    // Rounded up: a timer may never fire early.
    const delay = Math.min(Math.max(1, Math.ceil(next - this.now())), LONGEST_TIMER_MS);
    this.timerAtMs = next;
    this.timer = setTimeout(this.onTimer, delay);
    this.timer.unref();
  }

  private stopTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.timerAtMs = Number.POSITIVE_INFINITY;
  }

  private siftUp(entry: DeadlineEntry): void {
    const { heap } = this;
    let index = entry.heapIndex;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent.deadlineMs <= entry.deadlineMs) break;
      heap[index] = parent;
      parent.heapIndex = index;
      index = above;
    }
    heap[index] = entry;
    entry.heapIndex = index;
  }

  private siftDown(entry: DeadlineEntry): void {
    const { heap } = this;
    let index = entry.heapIndex;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1].deadlineMs < heap[below].deadlineMs) below++;
      const child = heap[below];
      if (child.deadlineMs >= entry.deadlineMs) break;
      heap[index] = child;
      child.heapIndex = index;
      index = below;
    }
    heap[index] = entry;
    entry.heapIndex = index;
  }
}
