import type { Http2Limits } from "./limits.ts";
import type { MemoryBudget } from "./memory-budget.ts";

/**
 * Measures how much a peer sends in one round trip, and sizes the windows to twice that: a window smaller than the
 * bandwidth-delay product makes a fast, distant peer wait. A sample is the bytes that arrive between a PING of
 * ours and its acknowledgement.
 */
export class BandwidthEstimator {
  streamTarget: number;
  connectionTarget: number;
  private isSampling = false;
  private sampleBytes = 0;

  constructor(
    private readonly limits: Http2Limits,
    private readonly budget: MemoryBudget,
  ) {
    this.streamTarget = limits.streamWindowBytes;
    this.connectionTarget = limits.connectionWindowBytes;
  }

  recvData(bytes: number): void {
    this.sampleBytes += bytes;
  }

  /** True when a PING should be sent now to begin a sample. */
  begin(): boolean {
    if (this.isSampling || this.streamTarget >= this.limits.maxWindowBytes || !this.budget.hasRoom)
      return false;
    this.isSampling = true;
    this.sampleBytes = 0;
    return true;
  }

  /** The PING came back. */
  finish(): void {
    this.isSampling = false;
    // Less than two thirds of the window in a round trip: the window is not what holds the peer back.
    if (this.sampleBytes * 3 < this.streamTarget * 2 || !this.budget.hasRoom) return;
    const wanted = Math.min(2 * this.sampleBytes, this.limits.maxWindowBytes);
    this.streamTarget = Math.max(this.streamTarget, wanted);
    this.connectionTarget = Math.max(this.connectionTarget, wanted);
  }
}
