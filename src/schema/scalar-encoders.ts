import type protobuf from "protobufjs";
import { expected, ValueError } from "./value-error.ts";
import type { Bits, WireWriter } from "./wire-writer.ts";

/** How the values of one scalar type are written. */
export interface ScalarEncoder {
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly wireType: number;
  /** Throws when the value is not of this type or out of range; never rounds, cuts or guesses. */
  check(value: unknown): unknown;
  /** True for the value that a field without presence does not send. */
  isDefault(checked: never): boolean;
  put(writer: WireWriter, checked: never): void;
}

const isZero = (value: number) => value === 0;
const isPlusZero = (value: number) => Object.is(value, 0);
const isZeroBits = (value: Bits) => value.low === 0 && value.high === 0;
const isEmpty = (value: { readonly length: number }) => value.length === 0;

/** The scalar types by their names in .proto files. Sorted as in the language guide's table. */
export const scalarEncoders: Readonly<Record<string, ScalarEncoder>> = {
  double: scalar(1, checkDouble, isPlusZero, (writer, value) => writer.double(value)),
  float: scalar(5, checkFloat, isPlusZero, (writer, value) => writer.float(value)),
  int32: scalar(0, checkInt32, isZero, (writer, value) => writer.int32(value)),
  int64: scalar(0, check64("int64", false), isZeroBits, (writer, value) => writer.int64(value)),
  uint32: scalar(0, checkUint32, isZero, (writer, value) => writer.uint32(value)),
  uint64: scalar(0, check64("uint64", true), isZeroBits, (writer, value) => writer.uint64(value)),
  sint32: scalar(0, checkInt32, isZero, (writer, value) => writer.sint32(value)),
  sint64: scalar(0, check64("sint64", false), isZeroBits, (writer, value) => writer.sint64(value)),
  fixed32: scalar(5, checkUint32, isZero, (writer, value) => writer.fixed32(value)),
  fixed64: scalar(1, check64("fixed64", true), isZeroBits, (writer, value) => writer.fixed64(value)),
  sfixed32: scalar(5, checkInt32, isZero, (writer, value) => writer.sfixed32(value)),
  sfixed64: scalar(1, check64("sfixed64", false), isZeroBits, (writer, value) => writer.sfixed64(value)),
  bool: scalar(
    0,
    checkBool,
    (value) => !value,
    (writer, value) => writer.bool(value),
  ),
  string: scalar(2, checkString, isEmpty, (writer, value) => writer.string(value)),
  bytes: scalar(2, checkBytes, isEmpty, (writer, value) => writer.bytes(value)),
};

/** An enum's values are written as int32; numbers without a name are allowed, as proto3 enums are open. */
export function enumEncoder(type: protobuf.Enum): ScalarEncoder {
  const numbers = new Map(Object.keys(type.values).map((name) => [name, type.values[name]]));
  const typeName = type.fullName.slice(1);
  const check = (value: unknown): number => {
    if (typeof value === "string") {
      const number = numbers.get(value);
      if (number === undefined)
        throw new ValueError(`enum ${typeName} has no value named "${value.slice(0, 60)}"`);
      return number;
    }
    if (typeof value !== "number" || (value | 0) !== value) throw expected(`enum ${typeName}`, value);
    return value;
  };
  return scalar(0, check, isZero, (writer, value) => writer.int32(value));
}

function scalar<T>(
  wireType: number,
  check: (value: unknown) => T,
  isDefault: (checked: T) => boolean,
  put: (writer: WireWriter, checked: T) => void,
): ScalarEncoder {
  return { wireType, check, isDefault, put };
}

function checkDouble(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "string" && value.trim() !== "") {
    const number = Number(value);
    if (value === "NaN" || !Number.isNaN(number)) return number;
  }
  throw expected("number", value);
}

function checkFloat(value: unknown): number {
  const number = checkDouble(value);
  if (Number.isFinite(number) && !Number.isFinite(Math.fround(number))) throw expected("float", value);
  return number;
}

function checkInt32(value: unknown): number {
  if (typeof value !== "number" || (value | 0) !== value) throw expected("32-bit integer", value);
  return value;
}

function checkUint32(value: unknown): number {
  if (typeof value !== "number" || value >>> 0 !== value) throw expected("unsigned 32-bit integer", value);
  return value;
}

function checkBool(value: unknown): boolean {
  if (typeof value !== "boolean") throw expected("boolean", value);
  return value;
}

/** Node has this since version 20; the compiler's library for ES2023 has not. */
type MaybeIllFormed = string & { isWellFormed(): boolean };

function checkString(value: unknown): string {
  if (typeof value !== "string") throw expected("string", value);
  // Half a surrogate pair, as from cutting a string within an emoji, has no UTF-8.
  if (!(value as MaybeIllFormed).isWellFormed()) {
    throw new ValueError("string expected, got one with half a surrogate pair, which has no UTF-8 form");
  }
  return value;
}

/** Base64 in either alphabet. Buffer.from would skip over everything else, and make other bytes of plain text. */
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

function checkBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") {
    const digits = value.replace(/=+$/, "").length;
    if (base64.test(value) && digits % 4 !== 1) return Buffer.from(value, "base64");
    throw expected("Uint8Array or base64 string", value);
  }
  throw expected("Uint8Array", value);
}

function check64(type: string, unsigned: boolean): (value: unknown) => Bits {
  const [min, max] = unsigned ? [0n, (1n << 64n) - 1n] : [-(1n << 63n), (1n << 63n) - 1n];
  return (value) => {
    if (isBits(value)) {
      // The sign bit means another number on the other side.
      if (value.high < 0 && value.unsigned !== unsigned) throw expected(type, value);
      return value;
    }
    const whole = toBigInt(value);
    if (whole === undefined || whole < min || whole > max) throw expected(type, value);
    return {
      low: Number(BigInt.asIntN(32, whole)),
      high: Number(BigInt.asIntN(32, whole >> 32n)),
      unsigned,
    };
  };
}

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

/** True for objects of the `long` package. */
function isBits(value: unknown): value is Bits {
  if (typeof value !== "object" || value === null) return false;
  const { low, high } = value as Partial<Bits>;
  return (low as number) >> 0 === low && (high as number) >> 0 === high;
}
