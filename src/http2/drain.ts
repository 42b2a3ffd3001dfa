import { type Clock, noTimer, type Timer } from "./clock.ts";
import { type Control, Ping } from "./control.ts";
import { MAX_STREAM_ID } from "./frame.ts";
import type { Http2Limits } from "./limits.ts";
import type { Streams } from "./streams.ts";
import { ErrorCode } from "./violations.ts";

/**
 * Ends a connection without failing a call (RFC 9113 section 6.8). The first GOAWAY names no last stream, so that
 * requests already under way are still taken; after a round trip the second one names the last.
 */
export class Drain {
  /** No new stream comes: the connection ends with the last one that is open. */
  isFinal = false;
  private hasBegun = false;
  private timer: Timer = noTimer;

  constructor(
    private readonly clock: Clock,
    private readonly limits: Http2Limits,
    private readonly control: Control,
    private readonly streams: Streams,
    private readonly final: () => void,
  ) {}

  begin(debugData: string): void {
    if (this.hasBegun || this.isFinal) return;
    this.hasBegun = true;
    this.control.sendGoAway(MAX_STREAM_ID, ErrorCode.NO_ERROR, debugData);
    const finish = () => this.finish(debugData);
    this.timer = this.clock.after(this.limits.drainPingTimeoutMs, finish);
    this.control.ping(Ping.drain, finish);
  }

  private finish(debugData: string): void {
    if (this.isFinal) return;
    this.timer.cancel();
    this.isFinal = true;
    this.streams.acceptNoMore();
    this.control.sendGoAway(this.streams.lastPeerId, ErrorCode.NO_ERROR, debugData);
    this.final();
  }

  stop(): void {
    this.timer.cancel();
  }
}
