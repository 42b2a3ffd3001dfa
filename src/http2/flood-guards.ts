import type { Clock } from "./clock.ts";
import type { Http2Limits } from "./limits.ts";
import { TokenBucket } from "./token-bucket.ts";
import {
  tooManyEmptyFrames,
  tooManyGlitches,
  tooManyHandlers,
  tooManyPings,
  tooManyProvokedResets,
  tooManyResets,
  tooManyStreams,
  type Violation,
} from "./violations.ts";

/** Counts what is harmless once and a flood in thousands. Each question returns the violation, or null. */
export class FloodGuards {
  private readonly resets: TokenBucket;
  private readonly provokedResets: TokenBucket;
  private readonly glitches: TokenBucket;
  private explained = 0;
  private emptyFrames = 0;
  private lastPingAtMs = Number.NEGATIVE_INFINITY;
  private pingStrikes = 0;
  private explainedAtPing = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limits: Http2Limits,
  ) {
    this.resets = new TokenBucket(clock, limits.resetBurst, limits.resetsPerSecond);
    this.provokedResets = new TokenBucket(clock, limits.provokedResetBurst, limits.provokedResetsPerSecond);
    this.glitches = new TokenBucket(clock, limits.glitchBurst, limits.glitchesPerSecond);
  }

  /** We reset a stream over `violation`: what that costs the peer. */
  judgeStreamError(violation: Violation, limitIsKnown: boolean): Violation | null {
    if (violation.isOurs) return null;
    // A peer that does not know our limit of streams yet is refused some, and is not to blame for it.
    if (violation === tooManyStreams && !limitIsKnown) return null;
    // It cancelled calls and keeps to the limit as it sees it: that costs what cancelling costs.
    return violation === tooManyHandlers ? this.judgeReset() : this.judgeProvokedReset();
  }

  /** The peer reset a stream whose handler was at work. */
  judgeReset(): Violation | null {
    return this.resets.take() ? null : tooManyResets;
  }

  /** The peer made us reset a stream. */
  judgeProvokedReset(): Violation | null {
    return this.provokedResets.take() ? null : tooManyProvokedResets;
  }

  /** A frame without use, but for `explained` of them in all so far. */
  judgeGlitch(explained: number): Violation | null {
    if (explained > this.explained) {
      this.glitches.refund(explained - this.explained);
      this.explained = explained;
    }
    return this.glitches.take() ? null : tooManyGlitches;
  }

  judgeEmptyData(): Violation | null {
    return ++this.emptyFrames > this.limits.maxEmptyDataFrames ? tooManyEmptyFrames : null;
  }

  /**
   * A PING of the peer (gRPC proposal A8): too close to the last one is a strike. With no stream open the interval
   * is longer, since such a ping only keeps an idle connection awake. DATA that has left since the last one forgives:
   * what a handler wrote long ago may leave now, as windows open, and a client measures bandwidth by it.
   */
  judgePing(hasStreams: boolean, explained: number): Violation | null {
    if (explained > this.explainedAtPing) this.forgivePings();
    this.explainedAtPing = explained;
    const now = this.clock.now();
    const interval = hasStreams ? this.limits.minPingIntervalMs : this.limits.minIdlePingIntervalMs;
    const isClose = now - this.lastPingAtMs < interval;
    this.lastPingAtMs = now;
    if (!isClose) return null;
    return ++this.pingStrikes > this.limits.maxPingStrikes ? tooManyPings : null;
  }

  /** Body bytes arrived: the connection does something. */
  recvData(): void {
    this.emptyFrames = 0;
    this.forgivePings();
  }

  /** HEADERS or DATA went one way or the other: pings that measure bandwidth meanwhile are no abuse. */
  forgivePings(): void {
    this.pingStrikes = 0;
    this.lastPingAtMs = Number.NEGATIVE_INFINITY;
  }
}
