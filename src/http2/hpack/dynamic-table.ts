import type { TableIndex } from "./table-index.ts";

/** RFC 7541 section 4.1: what an entry counts beyond its octets. */
export const ENTRY_OVERHEAD = 32;

/** Slots of a table that was just made; most connections need few, and there are many connections. */
const FIRST_SLOTS = 8;

/** The size of an entry (RFC 7541 section 4.1). A character is an octet. */
export function entrySize(name: string, value: string): number {
  return name.length + value.length + ENTRY_OVERHEAD;
}

/**
 * The dynamic table (RFC 7541 section 2.3.2), a ring: entries come in at one end and are evicted at the other.
 *
 * An entry's serial is the count of insertions before it. It never changes, whereas the place of an entry moves with
 * each insertion: place = {@link inserted} - 1 - serial, so 0 is the newest.
 */
export class DynamicTable {
  /** Octets that the entries count together; never more than {@link maxSize}. */
  size = 0;
  /** Entries present. */
  count = 0;
  /** Entries ever inserted. */
  inserted = 0;
  /** Counts insertions, evictions and changes of {@link maxSize}: while it stands still, an index means the same. */
  generation = 0;
  /** The slots are a power of two, so that a serial finds its slot by a mask. */
  private names: string[] = new Array<string>(FIRST_SLOTS).fill("");
  private values: string[] = new Array<string>(FIRST_SLOTS).fill("");
  private mask = FIRST_SLOTS - 1;

  constructor(
    public maxSize: number,
    /** Kept in step with the entries, for an encoder that searches; null for a decoder, which never does. */
    private readonly index: TableIndex | null,
  ) {}

  /** `place` must be below {@link count}; 0 is the newest. */
  nameAt(place: number): string {
    return this.names[(this.inserted - 1 - place) & this.mask];
  }

  /** `place` must be below {@link count}; 0 is the newest. */
  valueAt(place: number): string {
    return this.values[(this.inserted - 1 - place) & this.mask];
  }

  /** RFC 7541 section 4.4: an entry larger than the table empties it and is not an error. */
  insert(name: string, value: string): void {
    const size = entrySize(name, value);
    this.generation++;
    this.evictDownTo(this.maxSize - size);
    if (size > this.maxSize) return;
    if (this.count > this.mask) this.grow();
    const slot = this.inserted & this.mask;
    this.names[slot] = name;
    this.values[slot] = value;
    this.index?.add(name, value, this.inserted);
    this.inserted++;
    this.count++;
    this.size += size;
  }

  /** RFC 7541 section 4.3. */
  setMaxSize(maxSize: number): void {
    this.generation++;
    this.maxSize = maxSize;
    this.evictDownTo(maxSize);
  }

  private evictDownTo(size: number): void {
    while (this.count > 0 && this.size > size) {
      const serial = this.inserted - this.count;
      const slot = serial & this.mask;
      const name = this.names[slot];
      const value = this.values[slot];
      this.size -= entrySize(name, value);
      this.count--;
      this.generation++;
      // Lets go of the strings: an empty table must not keep what filled it once.
      this.names[slot] = "";
      this.values[slot] = "";
      this.index?.remove(name, value, serial);
    }
  }

  private grow(): void {
    const slots = (this.mask + 1) * 2;
    const names = new Array<string>(slots).fill("");
    const values = new Array<string>(slots).fill("");
    for (let serial = this.inserted - this.count; serial < this.inserted; serial++) {
      names[serial & (slots - 1)] = this.names[serial & this.mask];
      values[serial & (slots - 1)] = this.values[serial & this.mask];
    }
    this.names = names;
    this.values = values;
    this.mask = slots - 1;
  }
}
