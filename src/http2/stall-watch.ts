import { type Clock, noTimer, type Timer } from "./clock.ts";
import type { Http2Limits } from "./limits.ts";

/** What is watched, and what is done about it. */
export interface Stallable {
  /** Bytes that the socket has not taken. */
  readonly pendingBytes: number;
  /** Bytes that wait for a window. */
  readonly queuedBytes: number;
  /** The socket took nothing in all that time. */
  socketStalled(): void;
  /** Some stream may have waited too long for its window. */
  checkStalledStreams(nowMs: number): void;
}

/** Notices a peer that takes nothing of what it asked for (CVE-2016-1546, slow read). Without unsent bytes it sleeps. */
export class StallWatch {
  private timer: Timer = noTimer;

  constructor(
    private readonly clock: Clock,
    private readonly limits: Http2Limits,
    private readonly watched: Stallable,
  ) {}

  /** Begins to watch when there is something unsent. */
  check(): void {
    const { watched, limits } = this;
    if (this.timer !== noTimer) return;
    if (watched.pendingBytes > 0) {
      const before = watched.pendingBytes;
      this.timer = this.clock.after(limits.socketStallMs, () => {
        this.timer = noTimer;
        // A slow socket that takes some is no stalled one.
        if (watched.pendingBytes >= before) watched.socketStalled();
        else this.check();
      });
    } else if (watched.queuedBytes > 0) {
      this.timer = this.clock.after(limits.responseStallMs / 2, () => {
        this.timer = noTimer;
        watched.checkStalledStreams(this.clock.now());
        this.check();
      });
    }
  }

  /** The socket took what it had. */
  progress(): void {
    this.stop();
    this.check();
  }

  stop(): void {
    this.timer.cancel();
    this.timer = noTimer;
  }
}
