import { type Clock, noTimer, type Timer } from "./clock.ts";
import type { Http2Limits } from "./limits.ts";
import type { Stallable } from "./stall-watch.ts";

/** Waits for a peer to close its side after ours. It keeps no socket open, but a slow one may take what it was sent. */
export class Ending {
  private timer: Timer = noTimer;

  constructor(
    private readonly clock: Clock,
    private readonly limits: Http2Limits,
    private readonly watched: Stallable,
    private readonly destroy: () => void,
  ) {}

  begin(): void {
    this.wait(this.limits.closeTimeoutMs, false);
  }

  stop(): void {
    this.timer.cancel();
  }

  private wait(delayMs: number, mustMove: boolean): void {
    const { takenBytes } = this.watched;
    this.timer = this.clock.after(delayMs, () => {
      const isStalled = mustMove && this.watched.takenBytes === takenBytes;
      if (this.watched.pendingBytes === 0 || isStalled) this.destroy();
      else this.wait(this.limits.socketStallMs, true);
    });
  }
}
