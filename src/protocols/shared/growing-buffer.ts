const EMPTY = Buffer.alloc(0);

/**
 * Bytes that arrive in parts, kept together: memory grows with what has arrived, whatever was announced, and a thousand
 * parts of one byte cost a thousand bytes (CVE-2026-84304).
 */
export class GrowingBuffer {
  private memory: Buffer = EMPTY;
  length = 0;

  append(bytes: Uint8Array): void {
    const size = this.length + bytes.length;
    if (size > this.memory.length) {
      // Doubling keeps many small parts linear.
      const grown = Buffer.allocUnsafe(Math.max(size, 2 * this.memory.length));
      this.memory.copy(grown, 0, 0, this.length);
      this.memory = grown;
    }
    this.memory.set(bytes, this.length);
    this.length = size;
  }

  /** What was gathered; the memory is the buffer's until {@link clear}. */
  get bytes(): Buffer {
    return this.memory.subarray(0, this.length);
  }

  /** Lets go of the memory. Views of it stay valid. */
  clear(): void {
    this.memory = EMPTY;
    this.length = 0;
  }
}
