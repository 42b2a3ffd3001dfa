const SMALLEST_CHUNK = 512;
const LARGEST_CHUNK = 64 * 1024;

/**
 * Body bytes that wait for a paused receiver. Pieces are copied together into chunks that double in size, so what
 * is kept is at most twice what arrived: a thousand one-byte frames make one chunk, and no byte pins the socket's
 * 64 KiB buffer it came in (CVE-2026-84304).
 */
export class InboundBuffer {
  private chunks: Buffer[] = [];
  private lastUsed = 0;
  /** Bytes that wait. */
  length = 0;

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const chunk = this.roomyChunk(bytes.length - at);
      const count = Math.min(chunk.length - this.lastUsed, bytes.length - at);
      chunk.set(bytes.subarray(at, at + count), this.lastUsed);
      this.lastUsed += count;
      at += count;
    }
    this.length += bytes.length;
  }

  /** Takes the oldest chunk, or null when nothing waits. */
  shift(): Uint8Array | null {
    const chunk = this.chunks.shift();
    if (chunk === undefined) return null;
    const used = this.chunks.length === 0 ? this.lastUsed : chunk.length;
    if (this.chunks.length === 0) this.lastUsed = 0;
    this.length -= used;
    return chunk.subarray(0, used);
  }

  private roomyChunk(needed: number): Buffer {
    const last = this.chunks.at(-1);
    if (last !== undefined && this.lastUsed < last.length) return last;
    const size = Math.min(LARGEST_CHUNK, Math.max(SMALLEST_CHUNK, needed, this.length));
    const chunk = Buffer.allocUnsafeSlow(size);
    this.chunks.push(chunk);
    this.lastUsed = 0;
    return chunk;
  }
}
