import { MAX_STREAM_ID } from "./frame.ts";
import type { Http2Limits } from "./limits.ts";
import type { PeerSettings } from "./settings.ts";

/** The streams that we promise: the ids they get, and whether the peer takes one more (RFC 9113 section 8.4). */
export class Promises {
  /** Promised streams that are open now. */
  open = 0;
  /** The id of the next one; those below are not idle any more. */
  nextId = 2;
  /** The peer is leaving: "Receivers of a GOAWAY frame MUST NOT open additional streams" (section 6.8). */
  isOver = false;

  constructor(
    private readonly limits: Http2Limits,
    private readonly settings: PeerSettings,
    private readonly mayPush: boolean,
  ) {}

  /** The id of a new stream, or 0 when none may be promised. */
  begin(): number {
    const { mayPush, settings, isOver, nextId, limits } = this;
    if (!mayPush || !settings.enablePush || isOver) return 0;
    // A client that sets no limit, and takes nothing of what it was promised, meets ours.
    if (this.open >= Math.min(settings.maxConcurrentStreams, limits.maxConcurrentStreams)) return 0;
    if (nextId > MAX_STREAM_ID) return 0;
    this.open++;
    this.nextId += 2;
    return nextId;
  }
}
