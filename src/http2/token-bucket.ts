import type { Clock } from "./clock.ts";

/** Allows a burst, then a rate: the guard of everything that is harmless once and a flood in thousands. */
export class TokenBucket {
  private tokens: number;
  private refilledAt: number;

  constructor(
    private readonly clock: Clock,
    private readonly burst: number,
    private readonly perSecond: number,
  ) {
    this.tokens = burst;
    this.refilledAt = -1;
  }

  /** Takes one token. False when there is none: the peer has used up its burst and is above its rate. */
  take(): boolean {
    if (this.tokens >= 1) {
      this.tokens--;
      // The clock is only read once the burst begins to be used, not for every frame.
      if (this.refilledAt < 0) this.refilledAt = this.clock.now();
      return true;
    }
    const now = this.clock.now();
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.refilledAt) / 1000) * this.perSecond);
    this.refilledAt = now;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  /** Gives tokens back, up to the burst. */
  refund(tokens: number): void {
    this.tokens = Math.min(this.burst, this.tokens + tokens);
  }
}
