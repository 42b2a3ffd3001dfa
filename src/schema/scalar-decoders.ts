import protobuf from "protobufjs";
import type { WireReader } from "./wire-reader.ts";

export type ReadScalar = (reader: WireReader) => unknown;

/** How the values of one scalar type are read. */
export interface ScalarDecoder {
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly wireType: number;
  readonly read: ReadScalar;
}

/** The scalar types by their names in .proto files. */
const scalarDecoders: Readonly<Record<string, ScalarDecoder>> = {
  double: { wireType: 1, read: (reader) => reader.double() },
  float: { wireType: 5, read: (reader) => reader.float() },
  int32: { wireType: 0, read: (reader) => reader.int32() },
  int64: { wireType: 0, read: (reader) => decimal(reader.int64()) },
  uint32: { wireType: 0, read: (reader) => reader.uint32() },
  uint64: { wireType: 0, read: (reader) => decimal(reader.uint64()) },
  sint32: { wireType: 0, read: (reader) => reader.sint32() },
  sint64: { wireType: 0, read: (reader) => decimal(reader.sint64()) },
  fixed32: { wireType: 5, read: (reader) => reader.fixed32() },
  fixed64: { wireType: 1, read: (reader) => decimal(reader.fixed64() as protobuf.Long) },
  sfixed32: { wireType: 5, read: (reader) => reader.sfixed32() },
  sfixed64: { wireType: 1, read: (reader) => decimal(reader.sfixed64() as protobuf.Long) },
  bool: { wireType: 0, read: (reader) => reader.bool() },
  string: { wireType: 2, read: (reader) => reader.string() },
  bytes: { wireType: 2, read: (reader) => reader.bytes() },
};

/** For a scalar or enum field, or the key of a map. */
export function scalarDecoderOf(field: Pick<protobuf.FieldBase, "type" | "resolvedType">): ScalarDecoder {
  const { resolvedType } = field;
  if (!(resolvedType instanceof protobuf.Enum)) return scalarDecoders[field.type];
  const names = namesOf(resolvedType);
  return {
    wireType: 0,
    read(reader) {
      const number = reader.int32();
      return names.get(number) ?? number;
    },
  };
}

/** What a scalar or enum field has when it is absent, in the form that handlers receive. */
export function scalarDefault(
  field: Pick<protobuf.FieldBase, "type" | "resolvedType" | "typeDefault">,
): unknown {
  const { resolvedType, type } = field;
  // The declarations leave its type open: a number for enums, a Long for 64 bits, a byte array, or the value itself.
  const value: unknown = field.typeDefault;
  if (resolvedType instanceof protobuf.Enum) return namesOf(resolvedType).get(value as number) ?? value;
  if (value === null) return value;
  if (type.endsWith("64")) return decimal(value as protobuf.Long);
  return type === "bytes" ? Buffer.from(value as Uint8Array) : value;
}

/** Of several names for one number, the first. */
function namesOf({ valuesById }: protobuf.Enum): ReadonlyMap<number, string> {
  return new Map(Object.keys(valuesById).map((number) => [Number(number), valuesById[Number(number)]]));
}

function decimal(value: protobuf.Long): string {
  // Most fit into 32 bits, for which there is a faster way.
  return value.high === 0 ? String(value.low >>> 0) : value.toString();
}
