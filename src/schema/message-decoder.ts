import protobuf from "protobufjs";
import { MAX_DEPTH } from "./conversion.ts";
import { type ReadScalar, type ScalarDecoder, scalarDecoderOf, scalarDefault } from "./scalar-decoders.ts";
import { isSet } from "./value-error.ts";
import type { WireReader } from "./wire-reader.ts";

export type Message = Record<string, unknown>;

/** Reads one field into a message. */
type ReadField = (reader: WireReader, message: Message, depth: number) => void;

interface FieldDecoder {
  readonly name: string;
  readonly wireType: number;
  readonly read: ReadField;
  /** For repeated numbers, which every parser takes packed and not. */
  readonly readPacked: ReadField | undefined;
}

/** Finds or makes the decoder of a message type. */
export type DecoderOf = (type: protobuf.Type) => MessageDecoder;

const END_GROUP = 4;
const NO_GROUP = -1;

/**
 * Reads messages of one type, straight into the objects that handlers receive. protobufjs' own decoder ignores the
 * wire type of a field, keeps several members of a oneof, and hashes 64-bit map keys; this one goes by the encoding
 * guide (protobuf.dev, "Encoding"): a field of another wire type is unknown, the last member of a oneof wins, and an
 * embedded message that comes twice is merged.
 */
export class MessageDecoder {
  private readonly fields = new Map<number, FieldDecoder>();
  /** What an empty message looks like; copied for each. */
  private template: Message = {};
  /** Fields whose empty value must not be shared between messages. */
  private fresh: readonly { readonly name: string; make(): unknown }[] = [];
  private required: readonly string[] = [];

  /** Apart from the constructor, as message types may contain themselves. */
  prepare(type: protobuf.Type, decoderOf: DecoderOf): void {
    const fields = type.fieldsArray;
    for (const field of fields) this.fields.set(field.id, fieldDecoder(field, decoderOf));
    const always = fields.filter((field) => field.partOf === null || field.partOf === undefined);
    const fresh = always.filter((field) => field.repeated || field.map || hasBytes(field));
    this.template = Object.fromEntries(always.map((field) => [field.name, emptyValue(field)]));
    this.fresh = fresh.map((field) => ({ name: field.name, make: () => freshValue(field) }));
    this.required = fields.filter((field) => field.required).map((field) => field.name);
  }

  create(): Message {
    const message = { ...this.template };
    for (const { name, make } of this.fresh) message[name] = make();
    return message;
  }

  /** Reads up to the reader's end, or to the end of a group: its field number. */
  readInto(reader: WireReader, message: Message, depth: number, group = NO_GROUP): void {
    if (depth > MAX_DEPTH) throw new RangeError(`messages are nested deeper than ${MAX_DEPTH}`);
    const seen = this.required.length === 0 ? undefined : new Set<string>();
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const id = tag >>> 3;
      const wireType = tag & 7;
      const field = this.fields.get(id);
      if (field !== undefined && field.wireType === wireType) {
        field.read(reader, message, depth);
        seen?.add(field.name);
      } else if (wireType === 2 && field?.readPacked !== undefined) field.readPacked(reader, message, depth);
      else if (wireType === END_GROUP && id === group) {
        this.checkRequired(seen);
        return;
      } else if (id === 0) throw new RangeError("a field has the number 0");
      else reader.skipType(wireType, depth);
    }
    if (group !== NO_GROUP) throw new RangeError("a group has no end");
    this.checkRequired(seen);
  }

  private checkRequired(seen: ReadonlySet<string> | undefined): void {
    if (seen === undefined) return;
    const missing = this.required.find((name) => !seen.has(name));
    if (missing !== undefined) throw new TypeError(`the required field ${missing} is absent`);
  }
}

function emptyValue(field: protobuf.Field): unknown {
  if (field.repeated || field.map || field.resolvedType instanceof protobuf.Type) return null;
  return scalarDefault(field);
}

/** A proto2 default for bytes: whoever receives it may write into it. */
function hasBytes({ type, typeDefault }: protobuf.Field): boolean {
  return type === "bytes" && typeDefault?.length > 0;
}

function freshValue(field: protobuf.Field): unknown {
  if (field.repeated) return [];
  return field.map ? {} : scalarDefault(field);
}

function fieldDecoder(field: protobuf.Field, decoderOf: DecoderOf): FieldDecoder {
  const { name, resolvedType } = field;
  if (field instanceof protobuf.MapField) {
    return { name, wireType: 2, read: mapReader(field, decoderOf), readPacked: undefined };
  }
  if (resolvedType instanceof protobuf.Type) {
    const nested = nestedReader(field, decoderOf(resolvedType));
    const read = field.repeated ? appendMessage(name, nested) : mergeMessage(field, nested);
    return { name, wireType: field.delimited ? 3 : 2, read, readPacked: undefined };
  }
  const decoder = scalarDecoderOf(field);
  const { wireType, read } = decoder;
  if (!field.repeated) return { name, wireType, read: scalarReader(field, read), readPacked: undefined };
  return {
    name,
    wireType,
    read: (reader, message) => (message[name] as unknown[]).push(read(reader)),
    readPacked: wireType === 2 ? undefined : packedReader(name, read),
  };
}

function scalarReader(field: protobuf.Field, read: ReadScalar): ReadField {
  const { name, partOf } = field;
  if (partOf) {
    return (reader, message) => {
      const value = read(reader);
      choose(message, partOf.name, name);
      message[name] = value;
    };
  }
  return (reader, message) => {
    message[name] = read(reader);
  };
}

/** The last member of a oneof that is sent is the one that is set. */
function choose(message: Message, oneof: string, member: string): void {
  const before = message[oneof];
  if (typeof before === "string" && before !== member) delete message[before];
  message[oneof] = member;
}

interface NestedReader {
  create(): Message;
  read(reader: WireReader, message: Message, depth: number): void;
}

function nestedReader(field: protobuf.Field, decoder: MessageDecoder): NestedReader {
  const create = () => decoder.create();
  if (field.delimited) {
    return {
      create,
      read: (reader, message, depth) => decoder.readInto(reader, message, depth + 1, field.id),
    };
  }
  return {
    create,
    read(reader, message, depth) {
      const outer = reader.enter();
      decoder.readInto(reader, message, depth + 1);
      reader.leave(outer);
    },
  };
}

function appendMessage(name: string, nested: NestedReader): ReadField {
  return (reader, message, depth) => {
    const element = nested.create();
    nested.read(reader, element, depth);
    (message[name] as Message[]).push(element);
  };
}

function mergeMessage({ name, partOf }: protobuf.Field, nested: NestedReader): ReadField {
  return (reader, message, depth) => {
    if (partOf) choose(message, partOf.name, name);
    const value = isSet(message[name], name) ? (message[name] as Message) : nested.create();
    nested.read(reader, value, depth);
    message[name] = value;
  };
}

function packedReader(name: string, read: ReadScalar): ReadField {
  return (reader, message) => {
    const values = message[name] as unknown[];
    const outer = reader.enter();
    while (reader.pos < reader.len) values.push(read(reader));
    reader.leave(outer);
  };
}

/** An entry is a message with the key as field 1 and the value as field 2; either may be absent. */
function mapReader(field: protobuf.MapField, decoderOf: DecoderOf): ReadField {
  const { name, resolvedType } = field;
  const key = scalarDecoderOf({ type: field.keyType, resolvedType: null });
  const keyDefault = field.keyType === "string" ? "" : field.keyType === "bool" ? "false" : "0";
  const value: EntryValue =
    resolvedType instanceof protobuf.Type
      ? messageEntry(decoderOf(resolvedType))
      : scalarEntry(scalarDecoderOf(field), field);
  return (reader, message, depth) => {
    let entryKey = keyDefault;
    let entryValue: unknown;
    const outer = reader.enter();
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === (8 | key.wireType)) entryKey = String(key.read(reader));
      else if (tag === (16 | value.wireType)) entryValue = value.read(reader, depth);
      else reader.skipType(tag & 7, depth);
    }
    reader.leave(outer);
    setEntry(message[name] as Message, entryKey, entryValue === undefined ? value.empty() : entryValue);
  };
}

interface EntryValue {
  readonly wireType: number;
  read(reader: WireReader, depth: number): unknown;
  empty(): unknown;
}

function messageEntry(decoder: MessageDecoder): EntryValue {
  return {
    wireType: 2,
    read(reader, depth) {
      const message = decoder.create();
      const outer = reader.enter();
      decoder.readInto(reader, message, depth + 1);
      reader.leave(outer);
      return message;
    },
    empty: () => decoder.create(),
  };
}

function scalarEntry({ wireType, read }: ScalarDecoder, field: protobuf.MapField): EntryValue {
  return { wireType, read: (reader) => read(reader), empty: () => scalarDefault(field) };
}

/** Assigning to `__proto__` would change the map's prototype instead of adding a key. */
function setEntry(map: Message, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  } else map[key] = value;
}
