import { ClosedStreams } from "./closed-streams.ts";
import { MAX_STREAM_ID } from "./frame.ts";
import type { Http2Limits } from "./limits.ts";
import { Promises } from "./promises.ts";
import type { PeerSettings } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import { StreamState } from "./stream-state.ts";
import type { Violation } from "./violations.ts";
import * as v from "./violations.ts";

/** The streams of a connection: which are open, which were, and whether one more may be. */
export class StreamTable {
  /** The highest stream id the peer has used. */
  lastPeerId = 0;
  /** Above it nothing is taken any more: our final GOAWAY named it. */
  lastAcceptedId = MAX_STREAM_ID;
  readonly promises: Promises;
  readonly closed = new ClosedStreams();
  private readonly open = new Map<number, Http2Stream>();
  /** Streams that are gone while their handler still works. */
  private orphans = 0;

  constructor(
    private readonly limits: Http2Limits,
    settings: PeerSettings,
    mayPush: boolean,
  ) {
    this.promises = new Promises(limits, settings, mayPush);
  }

  /** Streams open now. */
  get size(): number {
    return this.open.size;
  }

  find(streamId: number): Http2Stream | undefined {
    return this.open.get(streamId);
  }

  values(): IterableIterator<Http2Stream> {
    return this.open.values();
  }

  add(stream: Http2Stream): void {
    this.open.set(stream.id, stream);
  }

  /** Closes a stream; false when it was closed already. */
  remove(stream: Http2Stream, how: "ended" | "reset"): boolean {
    if (!this.open.delete(stream.id)) return false;
    if ((stream.id & 1) === 0) this.promises.open--;
    stream.state = StreamState.closed;
    if (stream.working) this.orphans++;
    if (how === "ended") this.closed.addEnded(stream.id);
    else this.closed.addReset(stream.id);
    return true;
  }

  workEnded(stream: Http2Stream): void {
    if (stream.state === StreamState.closed) this.orphans--;
  }

  /** Whether the peer may open one more stream (RFC 9113 section 5.1.2). */
  judgeCount(): Violation | null {
    const { maxConcurrentStreams } = this.limits;
    const count = this.open.size - this.promises.open;
    if (count >= maxConcurrentStreams) return v.tooManyStreams;
    return count + this.orphans >= maxConcurrentStreams ? v.tooManyHandlers : null;
  }

  isIdle(streamId: number): boolean {
    return (streamId & 1) === 0 ? streamId >= this.promises.nextId : streamId > this.lastPeerId;
  }

  /** What a frame other than HEADERS, PRIORITY, RST_STREAM or WINDOW_UPDATE means on a stream that is not open. */
  judgeAbsent(streamId: number): Violation | null {
    if (this.isIdle(streamId)) return v.frameOnIdleStream;
    return this.closed.wasReset(streamId) ? null : v.frameOnClosedStream;
  }

  /** Streams whose handler is done and whose rest the peer takes too slowly, or not at all. */
  findStalled(now: number, stallMs: number): Http2Stream[] {
    const stalled: Http2Stream[] = [];
    for (const stream of this.open.values()) {
      if (stream.hasStalled(now, stallMs)) stalled.push(stream);
    }
    return stalled;
  }
}
