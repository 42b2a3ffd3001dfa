import { type Clock, noTimer, type Timer } from "./clock.ts";
import type { Http2Limits } from "./limits.ts";

/** What is watched, and what is done about it. */
export interface Stallable {
  /** Bytes that the socket has not taken. */
  readonly pendingBytes: number;
  /** Bytes that the socket has taken since the connection began. */
  readonly takenBytes: number;
  /** Bytes that wait for a window. */
  readonly queuedBytes: number;
  /** The socket took nothing in all that time. */
  socketStalled(): void;
  /** Some stream may have waited too long for its window. */
  checkStalledStreams(nowMs: number): void;
}

/**
 * Notices a peer that takes nothing of what it asked for (CVE-2016-1546, slow read). Without unsent bytes it sleeps.
 *
 * Socket and streams are watched apart: a socket that moves must not put off the question what its streams do.
 */
export class StallWatch {
  private socketTimer: Timer = noTimer;
  private streamTimer: Timer = noTimer;

  constructor(
    private readonly clock: Clock,
    private readonly limits: Http2Limits,
    private readonly watched: Stallable,
  ) {}

  /** Begins to watch when there is something unsent. */
  check(): void {
    const { watched } = this;
    if (this.socketTimer === noTimer && watched.pendingBytes > 0) this.watchSocket();
    if (this.streamTimer === noTimer && watched.queuedBytes > 0) this.watchStreams();
  }

  private watchSocket(): void {
    const { watched } = this;
    const takenBefore = watched.takenBytes;
    this.socketTimer = this.clock.after(this.limits.socketStallMs, () => {
      this.socketTimer = noTimer;
      // A slow socket that takes some is no stalled one, even when more is written than it takes.
      if (watched.pendingBytes > 0 && watched.takenBytes === takenBefore) watched.socketStalled();
      else this.check();
    });
  }

  private watchStreams(): void {
    this.streamTimer = this.clock.after(this.limits.responseStallMs / 2, () => {
      this.streamTimer = noTimer;
      this.watched.checkStalledStreams(this.clock.now());
      this.check();
    });
  }

  /** The socket took what it had. */
  progress(): void {
    this.socketTimer.cancel();
    this.socketTimer = noTimer;
  }

  stop(): void {
    this.progress();
    this.streamTimer.cancel();
    this.streamTimer = noTimer;
  }
}
