/** Received bytes that are kept because a handler does not read them, counted over all connections of a process. */
export class MemoryBudget {
  private used = 0;

  constructor(readonly limitBytes: number) {}

  get usedBytes(): number {
    return this.used;
  }

  /** False when windows should stop growing and be given back only as handlers read. */
  get hasRoom(): boolean {
    return this.used * 2 < this.limitBytes;
  }

  get isSpent(): boolean {
    return this.used >= this.limitBytes;
  }

  /** Counts bytes as kept; a negative number lets them go. */
  add(bytes: number): void {
    this.used += bytes;
  }
}
