import protobuf from "protobufjs";
import { MAX_DEPTH } from "./conversion.ts";
import { enumEncoder, type ScalarEncoder, scalarEncoders } from "./scalar-encoders.ts";
import { expected, isSet, ValueError } from "./value-error.ts";
import type { WireWriter } from "./wire-writer.ts";

/** Writes one field of a message; the value is neither undefined nor null. */
type WriteField = (writer: WireWriter, value: unknown, depth: number) => void;

interface FieldEncoder {
  readonly name: string;
  readonly required: boolean;
  readonly write: WriteField;
}

/** What the encoders of plain fields and of map values have in common. */
type ValueField = Pick<protobuf.FieldBase, "type" | "resolvedType">;

/** Finds or makes the encoder of a message type. */
export type EncoderOf = (type: protobuf.Type) => MessageEncoder;

/**
 * Checks and writes messages of one type. protobufjs' `fromObject` turns whatever it is given into something that can
 * be written (`String(value)`, `value | 0`, an unknown enum name into nothing); here that is an error.
 */
export class MessageEncoder {
  private fields: readonly FieldEncoder[] = [];
  /** Names of the members of each oneof that has several. */
  private oneofs: readonly (readonly string[])[] = [];

  /** Apart from the constructor, as message types may contain themselves. */
  prepare(type: protobuf.Type, encoderOf: EncoderOf): void {
    const fields = [...type.fieldsArray].sort((a, b) => a.id - b.id);
    this.fields = fields.map((field) => ({
      name: field.name,
      required: field.required,
      write: fieldWriter(field, encoderOf),
    }));
    this.oneofs = type.oneofsArray.map((oneof) => oneof.oneof).filter((names) => names.length > 1);
  }

  /** @throws {ValueError} */
  write(writer: WireWriter, value: unknown, depth: number): void {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw expected("object", value);
    if (depth > MAX_DEPTH) throw new ValueError(`nested deeper than ${MAX_DEPTH} messages`);
    const message = value as Record<string, unknown>;
    for (const oneof of this.oneofs) checkOneof(message, oneof);
    for (const field of this.fields) {
      const fieldValue = message[field.name];
      if (isSet(fieldValue, field.name)) {
        try {
          field.write(writer, fieldValue, depth);
        } catch (error) {
          throw error instanceof ValueError ? error.at(`.${field.name}`) : error;
        }
      } else if (field.required) {
        throw new ValueError("is required, and absent").at(`.${field.name}`);
      }
    }
  }
}

function checkOneof(message: Record<string, unknown>, names: readonly string[]): void {
  const set = names.filter((name) => isSet(message[name], name));
  if (set.length > 1) throw new ValueError(`only one of ${set.join(" and ")} can be set: they share a oneof`);
}

function fieldWriter(field: protobuf.Field, encoderOf: EncoderOf): WriteField {
  if (field instanceof protobuf.MapField) return mapWriter(field, encoderOf);
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) {
    const write = messageWriter(field, encoderOf(resolvedType));
    return field.repeated ? repeatedWriter(write) : write;
  }
  const encoder = encoderFor(field);
  if (field.repeated)
    return field.packed && encoder.wireType !== 2
      ? packedWriter(field, encoder)
      : repeatedWriter(scalarWriter(field, encoder, true));
  return scalarWriter(field, encoder, Boolean(field.hasPresence));
}

function encoderFor(field: ValueField): ScalarEncoder {
  return field.resolvedType instanceof protobuf.Enum
    ? enumEncoder(field.resolvedType)
    : scalarEncoders[field.type];
}

function tagOf(field: { readonly id: number }, wireType: number): number {
  return ((field.id << 3) | wireType) >>> 0;
}

function scalarWriter(field: protobuf.Field, encoder: ScalarEncoder, hasPresence: boolean): WriteField {
  const tag = tagOf(field, encoder.wireType);
  const { check, isDefault, put } = encoder;
  return (writer, value) => {
    const checked = check(value) as never;
    if (!hasPresence && isDefault(checked)) return;
    writer.uint32(tag);
    put(writer, checked);
  };
}

function messageWriter(field: protobuf.Field, encoder: MessageEncoder): WriteField {
  if (field.delimited) {
    const [start, end] = [tagOf(field, 3), tagOf(field, 4)];
    return (writer, value, depth) => {
      encoder.write(writer.uint32(start), value, depth + 1);
      writer.uint32(end);
    };
  }
  const tag = tagOf(field, 2);
  return (writer, value, depth) => {
    encoder.write(writer.uint32(tag).fork(), value, depth + 1);
    writer.ldelim();
  };
}

function repeatedWriter(write: WriteField): WriteField {
  return (writer, values, depth) =>
    eachElement(values, (value) => {
      if (value === null) throw expected("a value", value);
      write(writer, value, depth);
    });
}

function packedWriter(field: protobuf.Field, { check, put }: ScalarEncoder): WriteField {
  const tag = tagOf(field, 2);
  return (writer, values) => {
    if (Array.isArray(values) && values.length === 0) return;
    writer.uint32(tag).fork();
    eachElement(values, (value) => put(writer, check(value) as never));
    writer.ldelim();
  };
}

function eachElement(values: unknown, visit: (value: unknown) => void): void {
  if (!Array.isArray(values)) throw expected("array", values);
  for (let i = 0; i < values.length; i++) {
    try {
      visit(values[i]);
    } catch (error) {
      throw error instanceof ValueError ? error.at(`[${i}]`) : error;
    }
  }
}

function mapWriter(field: protobuf.MapField, encoderOf: EncoderOf): WriteField {
  const tag = tagOf(field, 2);
  const key = scalarEncoders[field.keyType];
  const { resolvedType } = field;
  const valueField = valueWriter(
    field,
    resolvedType instanceof protobuf.Type ? encoderOf(resolvedType) : encoderFor(field),
  );
  return (writer, map, depth) => {
    if (typeof map !== "object" || map === null || Array.isArray(map)) throw expected("object", map);
    for (const name of Object.keys(map)) {
      try {
        const checkedKey = key.check(keyValue(field.keyType, name)) as never;
        writer
          .uint32(tag)
          .fork()
          .uint32(8 | key.wireType);
        key.put(writer, checkedKey);
        valueField(writer, (map as Record<string, unknown>)[name], depth);
        writer.ldelim();
      } catch (error) {
        throw error instanceof ValueError ? error.at(`[${JSON.stringify(name)}]`) : error;
      }
    }
  };
}

/** The value of a map entry is its field number 2. */
function valueWriter(field: protobuf.MapField, encoder: MessageEncoder | ScalarEncoder): WriteField {
  if (encoder instanceof MessageEncoder) {
    return (writer, value, depth) => {
      encoder.write(writer.uint32(18).fork(), value, depth + 1);
      writer.ldelim();
    };
  }
  const tag = 16 | encoder.wireType;
  return (writer, value) => {
    if (value === undefined || value === null) throw expected(field.type, value);
    const checked = encoder.check(value) as never;
    encoder.put(writer.uint32(tag), checked);
  };
}

/** Object keys are strings; those of numbers and booleans are read back. */
function keyValue(keyType: string, name: string): unknown {
  if (keyType === "string" || keyType.endsWith("64")) return name;
  if (keyType === "bool") return name === "true" ? true : name === "false" ? false : name;
  return /^-?\d+$/.test(name) ? Number(name) : name;
}
