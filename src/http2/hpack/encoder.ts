import { DynamicTable, entrySize } from "./dynamic-table.ts";
import { Literal, NAME_POLICIES } from "./field-policy.ts";
import { FixedBlocks, type FixedFields } from "./fixed-blocks.ts";
import { huffmanLength, writeHuffman } from "./huffman.ts";
import { MAX_INTEGER_OCTETS, writeInteger } from "./integer.ts";
import { findStaticField, STATIC_COUNT } from "./static-table.ts";
import { type NameEntries, TableIndex } from "./table-index.ts";

/** The table size of both sides before any setting (RFC 9113 section 6.5.2). */
const INITIAL_TABLE_SIZE = 4096;

/** Above this a value is a token or a text, which no later response repeats. */
const MAX_INDEXED_VALUE = 128;

/**
 * A name with this many values in the table has another one each time (a request id). Its next values stay out, or
 * they would push out everything else and make each fixed section be encoded anew.
 */
const MAX_VALUES_OF_NAME = 4;

/** What a field takes at most beside its characters: the first octet and two string lengths. */
const FIELD_OVERHEAD = 1 + 2 * MAX_INTEGER_OCTETS;

const STATUS_200 = 0x88;

/**
 * Encodes the header blocks of one connection, in their order (RFC 7541). Names are lower case. A character is an
 * octet (latin1); of a character above U+00FF only the low eight bits are sent, so check text that is not yours.
 */
export class HpackEncoder {
  private readonly index = new TableIndex();
  private readonly table: DynamicTable;
  private readonly fixedBlocks = new FixedBlocks();
  private readonly tableSizeCap: number;
  /** The table size that the decoder knows of. */
  private signalledSize = INITIAL_TABLE_SIZE;
  /** The lowest size since then. */
  private lowestSize: number;
  private isUpdateDue: boolean;

  /** `tableSizeCap`: octets that the table uses at most, however many the peer offers (it may offer 4 GiB). */
  constructor(tableSizeCap = INITIAL_TABLE_SIZE) {
    this.tableSizeCap = tableSizeCap;
    this.lowestSize = Math.min(tableSizeCap, INITIAL_TABLE_SIZE);
    this.table = new DynamicTable(this.lowestSize, this.index);
    this.isUpdateDue = this.lowestSize !== INITIAL_TABLE_SIZE;
  }

  /** The octets that {@link encode} writes at most. */
  static bound(status: number, fields: readonly string[]): number {
    let bound = 2 * MAX_INTEGER_OCTETS;
    if (status !== 0) bound += FIELD_OVERHEAD + ":status".length + 3;
    for (let i = 0; i < fields.length; i += 2) {
      bound += FIELD_OVERHEAD + fields[i].length + fields[i + 1].length;
    }
    return bound;
  }

  /** Counts the changes of the dynamic table. */
  get generation(): number {
    return this.table.generation;
  }

  /** Octets that the entries of the dynamic table count. */
  get tableSize(): number {
    return this.table.size;
  }

  /** Takes the peer's SETTINGS_HEADER_TABLE_SIZE, in octets. The next block announces what we make of it. */
  setPeerTableSize(size: number): void {
    const chosen = Math.min(size, this.tableSizeCap);
    if (chosen === this.table.maxSize) return;
    this.table.setMaxSize(chosen);
    this.lowestSize = Math.min(this.lowestSize, chosen);
    this.isUpdateDue = true;
  }

  /**
   * Writes a header block and returns the offset behind it. `out` must have room for {@link bound} octets.
   * `status` 0 means no `:status` field (trailers, and requests, whose pseudo-header fields stand in `fields`).
   * `fields` is name, value, name, value, …
   */
  encode(status: number, fields: readonly string[], out: Uint8Array, offset: number): number {
    const at = this.isUpdateDue ? this.writeSizeUpdates(out, offset) : offset;
    return this.writeFields(status, fields, out, at);
  }

  /** {@link encode} for a request: a promised one, or a client's. The pseudo-header fields stand first in `fields`. */
  encodeRequest(fields: readonly string[], out: Uint8Array, offset: number): number {
    return this.encode(0, fields, out, offset);
  }

  /**
   * {@link encode} for a section that is sent often and never changes: from the third time on its octets are only
   * copied, as long as the dynamic table stays the same. Sections are told apart by identity.
   */
  encodeFixed(section: FixedFields, out: Uint8Array, offset: number): number {
    const at = this.isUpdateDue ? this.writeSizeUpdates(out, offset) : offset;
    const { generation } = this.table;
    const block = this.fixedBlocks.find(section);
    if (block !== null && block.generation === generation) return block.copyTo(out, at);
    const end = this.writeFields(section.status, section.fields, out, at);
    // Octets that insert into the table would mean something else the second time.
    if (this.table.generation === generation) this.fixedBlocks.keep(section, generation, out, at, end);
    return end;
  }

  /** RFC 7541 section 4.2: the lowest size since the last block, so that the decoder evicts as we did, then the last. */
  private writeSizeUpdates(out: Uint8Array, offset: number): number {
    let at = offset;
    const { maxSize } = this.table;
    if (this.lowestSize < Math.min(maxSize, this.signalledSize)) {
      at = writeInteger(out, at, 0x20, 0x1f, this.lowestSize);
      this.signalledSize = this.lowestSize;
    }
    if (maxSize !== this.signalledSize) at = writeInteger(out, at, 0x20, 0x1f, maxSize);
    this.signalledSize = maxSize;
    this.lowestSize = maxSize;
    this.isUpdateDue = false;
    return at;
  }

  private writeFields(status: number, fields: readonly string[], out: Uint8Array, offset: number): number {
    let at = offset;
    if (status === 200) out[at++] = STATUS_200;
    else if (status !== 0) at = this.writeField(":status", String(status), out, at);
    for (let i = 0; i < fields.length; i += 2) at = this.writeField(fields[i], fields[i + 1], out, at);
    return at;
  }

  private writeField(name: string, value: string, out: Uint8Array, offset: number): number {
    const policy = NAME_POLICIES.get(name);
    let nameIndex = 0;
    let literal: Literal = Literal.INDEXED;
    if (policy !== undefined) {
      nameIndex = policy.staticIndex;
      if (value !== policy.steadyValue) literal = policy.literal;
      const index = nameIndex === 0 ? 0 : findStaticField(nameIndex, value);
      if (index !== 0) return writeInteger(out, offset, 0x80, 0x7f, index);
    }
    const entries = this.index.find(name);
    if (entries !== undefined) {
      const serial = entries.serials.get(value);
      if (serial !== undefined) return writeInteger(out, offset, 0x80, 0x7f, this.indexOf(serial));
      if (nameIndex === 0) nameIndex = this.indexOf(entries.newest);
    }
    if (literal === Literal.INDEXED && !this.isWorthIndexing(name, value, entries)) {
      literal = Literal.NOT_INDEXED;
    }
    const end = writeLiteral(literal, nameIndex, name, value, out, offset);
    if (literal === Literal.INDEXED) this.table.insert(name, value);
    return end;
  }

  private indexOf(serial: number): number {
    return STATIC_COUNT + this.table.inserted - serial;
  }

  private isWorthIndexing(name: string, value: string, entries: NameEntries | undefined): boolean {
    if (value.length > MAX_INDEXED_VALUE) return false;
    if (entries !== undefined && entries.serials.size >= MAX_VALUES_OF_NAME) return false;
    // A pair above a quarter of the table would push out too much.
    return entrySize(name, value) * 4 <= this.table.maxSize;
  }
}

/** RFC 7541 section 6.2. */
function writeLiteral(
  literal: Literal,
  nameIndex: number,
  name: string,
  value: string,
  out: Uint8Array,
  offset: number,
): number {
  const mask = literal === Literal.INDEXED ? 0x3f : 0x0f;
  let at = writeInteger(out, offset, literal, mask, nameIndex);
  if (nameIndex === 0) at = writeString(name, out, at);
  return writeString(value, out, at);
}

/** RFC 7541 section 5.2: Huffman coded when that is shorter. */
function writeString(text: string, out: Uint8Array, offset: number): number {
  const coded = huffmanLength(text);
  if (coded < text.length) return writeHuffman(out, writeInteger(out, offset, 0x80, 0x7f, coded), text);
  let at = writeInteger(out, offset, 0x00, 0x7f, text.length);
  for (let i = 0; i < text.length; i++) out[at++] = text.charCodeAt(i);
  return at;
}
