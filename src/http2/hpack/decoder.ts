import { BlockReader } from "./block-reader.ts";
import { DynamicTable, ENTRY_OVERHEAD } from "./dynamic-table.ts";
import { HpackError } from "./errors.ts";
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from "./static-table.ts";

/** How much of a header list is kept. Sizes are in octets, 32 added for each field (RFC 9113 section 6.5.2). */
export interface HeaderListLimits {
  /** Beyond this nothing more is kept, but decoding goes on. */
  readonly maxListBytes: number;
  /** The same, in fields. Each cookie crumb is a field. */
  readonly maxFields: number;
  /** Beyond this decoding ends with an error. */
  readonly absoluteListBytes: number;
}

/** The limit that a header list has passed. */
export type ListOverflow = "list-bytes" | "field-count";

/** What a header block says. */
export class DecodedBlock {
  /** Name, value, name, value, … pseudo-header fields included; those before the limit, when one was passed. */
  readonly fields: string[] = [];
  /** The size of the whole list, kept or not (RFC 9113 section 6.5.2). */
  listBytes = 0;
  /** Fields of the whole list, kept or not. */
  fieldCount = 0;
  overflow: ListOverflow | null = null;
}

/** Decodes the header blocks of one connection, in their order (RFC 7541). Strings hold an octet a character. */
export class HpackDecoder {
  private readonly table: DynamicTable;
  private readonly reader = new BlockReader();
  private readonly maxListBytes: number;
  private readonly maxFields: number;
  private readonly absoluteListBytes: number;
  private tableSizeLimit: number;

  /**
   * `maxTableSize` is the SETTINGS_HEADER_TABLE_SIZE in force, in octets. A peer that has not acknowledged a value
   * below 4096 may still use 4096: start with that, then call {@link setMaxTableSize}.
   */
  constructor(maxTableSize = 4096, limits: HeaderListLimits) {
    // A peer starts with at most 4096, and says so in a size update when it means to use more.
    this.table = new DynamicTable(Math.min(maxTableSize, 4096), null);
    this.tableSizeLimit = maxTableSize;
    this.maxListBytes = limits.maxListBytes;
    this.maxFields = limits.maxFields;
    this.absoluteListBytes = limits.absoluteListBytes;
  }

  /** While it stands still, the same octets decode to the same fields. */
  get generation(): number {
    return this.table.generation;
  }

  /** The octets that the entries of the dynamic table count. */
  get tableSize(): number {
    return this.table.size;
  }

  /**
   * Sets what the peer's size updates may ask for, in octets: to be called once the peer has acknowledged the
   * setting. That the update which must follow a lower value does follow is not enforced; the table shrinks now, and
   * an index that reaches beyond it is an error.
   */
  setMaxTableSize(size: number): void {
    this.tableSizeLimit = size;
    if (size < this.table.maxSize) this.table.setMaxSize(size);
  }

  /**
   * Decodes a whole header block. Past {@link HeaderListLimits.maxListBytes} or `maxFields` it only keeps the dynamic
   * table in step. Throws {@link HpackError} for anything illegal and past `absoluteListBytes`
   * (`header-list-way-too-large`); the connection cannot be used after that.
   */
  decode(bytes: Uint8Array, start: number, end: number): DecodedBlock {
    const { reader } = this;
    const block = new DecodedBlock();
    reader.open(bytes, start, end);
    try {
      this.readSizeUpdates();
      while (reader.at < end) this.readField(block, bytes[reader.at]);
    } finally {
      reader.close();
    }
    return block;
  }

  /** RFC 7541 section 4.2: size updates stand before the first field. */
  private readSizeUpdates(): void {
    const { reader } = this;
    while (reader.at < reader.end && (reader.bytes[reader.at] & 0xe0) === 0x20) {
      const size = reader.readInteger(0x1f);
      if (size > this.tableSizeLimit) throw new HpackError("hpack-size-update-too-large");
      this.table.setMaxSize(size);
    }
  }

  /** The first octet says the representation (RFC 7541 section 6). */
  private readField(block: DecodedBlock, first: number): void {
    if (first >= 0x80) this.readIndexed(block);
    else if (first >= 0x40) this.readLiteral(block, 0x3f, true);
    else if (first >= 0x20) throw new HpackError("hpack-size-update-misplaced");
    // Without indexing and never indexed are the same to us: nothing we decode is encoded again.
    else this.readLiteral(block, 0x0f, false);
  }

  private readIndexed(block: DecodedBlock): void {
    const index = this.reader.readInteger(0x7f);
    const name = this.nameOf(index);
    const value = index <= STATIC_COUNT ? STATIC_VALUES[index] : this.table.valueAt(index - STATIC_COUNT - 1);
    if (this.count(block, name.length + value.length)) block.fields.push(name, value);
  }

  private readLiteral(block: DecodedBlock, mask: number, isInserted: boolean): void {
    const { reader } = this;
    const nameIndex = reader.readInteger(mask);
    let name = "";
    let nameLength = 0;
    if (nameIndex !== 0) {
      name = this.nameOf(nameIndex);
      nameLength = name.length;
    } else {
      nameLength = reader.locateString();
      if (isInserted || block.overflow === null) name = reader.text();
    }
    const valueLength = reader.locateString();
    const isKept = this.count(block, nameLength + valueLength);
    if (!isKept && !isInserted) return;
    const value = reader.text();
    if (isInserted) this.table.insert(name, value);
    if (isKept) block.fields.push(name, value);
  }

  private nameOf(index: number): string {
    if (index === 0) throw new HpackError("hpack-index-zero");
    if (index <= STATIC_COUNT) return STATIC_NAMES[index];
    const place = index - STATIC_COUNT - 1;
    if (place >= this.table.count) throw new HpackError("hpack-index-out-of-range");
    return this.table.nameAt(place);
  }

  /** Counts a field of `octets` in the list and says whether it is to be kept. */
  private count(block: DecodedBlock, octets: number): boolean {
    block.listBytes += octets + ENTRY_OVERHEAD;
    block.fieldCount++;
    if (block.listBytes > this.absoluteListBytes) throw new HpackError("header-list-way-too-large");
    if (block.overflow === null) {
      if (block.listBytes > this.maxListBytes) block.overflow = "list-bytes";
      else if (block.fieldCount > this.maxFields) block.overflow = "field-count";
    }
    return block.overflow === null;
  }
}
