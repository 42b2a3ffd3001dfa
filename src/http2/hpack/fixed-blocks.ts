/** A section whose encoding is worth remembering. The same object must always have the same content. */
export interface FixedFields {
  /** 0 for trailers. */
  readonly status: number;
  readonly fields: readonly string[];
}

/** A server has a handful. Should someone make one for each call, memory stays bounded. */
const MAX_BLOCKS = 32;

/** Longer ones are encoded each time: copying them would cost about as much. */
const MAX_BLOCK_BYTES = 512;

/** Up to here a loop beats the call into the runtime that `set` makes. */
const MAX_LOOP_BYTES = 64;

/** The octets of a section, right for one generation of the encoder's table. */
export class FixedBlock {
  constructor(
    readonly section: FixedFields,
    public generation: number,
    public bytes: Uint8Array,
  ) {}

  copyTo(out: Uint8Array, offset: number): number {
    const { bytes } = this;
    const { length } = bytes;
    if (length <= MAX_LOOP_BYTES) for (let i = 0; i < length; i++) out[offset + i] = bytes[i];
    else out.set(bytes, offset);
    return offset + length;
  }
}

/** Remembers the octets of fixed sections for one connection. */
export class FixedBlocks {
  // A unary call alternates between two sections, its head and its trailers: those are found without the map.
  private first: FixedBlock | null = null;
  private second: FixedBlock | null = null;
  private all: Map<FixedFields, FixedBlock> | null = null;

  find(section: FixedFields): FixedBlock | null {
    const { first, second } = this;
    if (first !== null && first.section === section) return first;
    if (second !== null && second.section === section) return second;
    const found = this.all?.get(section);
    if (found === undefined) return null;
    this.second = first;
    this.first = found;
    return found;
  }

  /** Remembers a copy of the octets from `start` to `end`. */
  keep(section: FixedFields, generation: number, out: Uint8Array, start: number, end: number): void {
    if (end - start > MAX_BLOCK_BYTES) return;
    const bytes = new Uint8Array(end - start);
    for (let i = start; i < end; i++) bytes[i - start] = out[i];
    const known = this.find(section);
    if (known !== null) {
      known.generation = generation;
      known.bytes = bytes;
      return;
    }
    this.all ??= new Map();
    if (this.all.size >= MAX_BLOCKS) this.all.clear();
    const block = new FixedBlock(section, generation, bytes);
    this.all.set(section, block);
    this.second = this.first;
    this.first = block;
  }
}
