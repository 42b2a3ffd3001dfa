/** How many streams that we reset are remembered: frames the peer had under way by then are no fault of it. */
const RESET_MEMORY = 4096;
/** How many streams that ended well are remembered, to tell a frame on a closed stream from a skipped id. */
const ENDED_MEMORY = 128;

/** Why streams that are gone were closed, as far as it still matters. Bounded, however many streams there were. */
export class ClosedStreams {
  private readonly ended = new Int32Array(ENDED_MEMORY);
  private endedAt = 0;
  /** In order of insertion, so that the oldest goes first. Made when the first stream is reset. */
  private resets: Set<number> | null = null;

  /** Both sides ended the stream, or the peer reset it. */
  addEnded(streamId: number): void {
    this.ended[this.endedAt] = streamId;
    this.endedAt = (this.endedAt + 1) % ENDED_MEMORY;
  }

  /** We reset the stream. */
  addReset(streamId: number): void {
    this.resets ??= new Set();
    if (this.resets.size >= RESET_MEMORY) {
      for (const oldest of this.resets) {
        this.resets.delete(oldest);
        break;
      }
    }
    this.resets.add(streamId);
  }

  /** Frames on such a stream are ignored (RFC 9113 section 5.1, "closed"). */
  wasReset(streamId: number): boolean {
    return this.resets?.has(streamId) ?? false;
  }

  wasEnded(streamId: number): boolean {
    return this.ended.includes(streamId);
  }
}
