/** One client sends few different blocks: its methods times the deadlines it sets. */
const MAX_ENTRIES = 8;

/** A longer block costs as much to compare as a call costs to serve, and eight of them would hold memory. */
const MAX_BLOCK_BYTES = 512;

const NO_BYTES = new Uint8Array(0);

class CacheEntry<T> {
  /** Used again for the next block, so it may be longer than {@link length}. */
  bytes = NO_BYTES;
  length = 0;
  signature = 0;

  constructor(public value: T) {}
}

/**
 * Remembers what was made of a header block, so that one seen before need not be decoded again.
 *
 * A block means the same only while the decoder's `generation` stands still, so one generation holds for all entries
 * and a look-up in another one costs a single comparison. A block that itself changes the table must not be put: read
 * `generation` before and after decoding, and put only when both are the same.
 */
export class BlockCache<T> {
  private readonly entries: CacheEntry<T>[] = [];
  /** Entries of the current generation; those beyond are only kept for their memory. */
  private live = 0;
  private next = 0;
  private latest = 0;
  private generation = -1;

  /** The value put for the same octets in the same generation. */
  get(block: Uint8Array, start: number, end: number, generation: number): T | undefined {
    if (generation !== this.generation) return undefined;
    const length = end - start;
    if (length === 0 || length > MAX_BLOCK_BYTES) return undefined;
    const signature = sign(block, start, length);
    // The same block often comes many times in a row.
    const { entries, latest } = this;
    if (matches(entries[latest], block, start, length, signature)) return entries[latest].value;
    for (let i = 0; i < this.live; i++) {
      if (i !== latest && matches(entries[i], block, start, length, signature)) {
        this.latest = i;
        return entries[i].value;
      }
    }
    return undefined;
  }

  /** Keeps a copy of the octets with the value; the oldest entry goes. Long blocks and empty ones are not kept. */
  put(block: Uint8Array, start: number, end: number, generation: number, value: T): void {
    const length = end - start;
    if (length === 0 || length > MAX_BLOCK_BYTES) return;
    if (generation !== this.generation) {
      this.generation = generation;
      this.live = 0;
      this.next = 0;
    }
    const slot = this.next;
    this.next = (slot + 1) % MAX_ENTRIES;
    this.live = Math.max(this.live, slot + 1);
    this.latest = slot;
    const signature = sign(block, start, length);
    if (slot === this.entries.length) this.entries.push(new CacheEntry(value));
    const entry = this.entries[slot];
    if (entry.bytes.length < length) entry.bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) entry.bytes[i] = block[start + i];
    entry.length = length;
    entry.signature = signature;
    entry.value = value;
  }
}

/** Mixes the length and eight octets from all over the block: tells most blocks apart at a fixed price. */
function sign(block: Uint8Array, start: number, length: number): number {
  let signature = length;
  for (let i = 1; i < 8; i++)
    signature = (Math.imul(signature, 31) + block[start + ((length * i) >>> 3)]) | 0;
  return (Math.imul(signature, 31) + block[start + length - 1]) | 0;
}

function matches<T>(
  entry: CacheEntry<T>,
  block: Uint8Array,
  start: number,
  length: number,
  signature: number,
): boolean {
  if (entry.signature !== signature || entry.length !== length) return false;
  const { bytes } = entry;
  // From the end: blocks begin alike (method, scheme) and differ in what the client adds.
  for (let i = length - 1; i >= 0; i--) if (bytes[i] !== block[start + i]) return false;
  return true;
}
