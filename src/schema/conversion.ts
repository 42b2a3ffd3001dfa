/**
 * How protobuf values look in JavaScript. The types that `scripts/generate-types.mjs` makes say the same, and a test
 * holds the two and the codecs together. The names are those of `@grpc/proto-loader`.
 *
 * | protobuf | handlers receive | handlers may return |
 * |---|---|---|
 * | field `user_name` | `userName` | `userName` |
 * | `int32` … `fixed32` | number | number, whole and in range |
 * | `int64` … `fixed64` | decimal string | decimal string, whole number, bigint or `Long` |
 * | `float`, `double` | number | number, or the text of one (`"NaN"`, `"Infinity"`) |
 * | `bool`, `string` | boolean, string | the same |
 * | `bytes` | `Buffer`, a copy of its own | `Uint8Array`, or a base64 string |
 * | enum | name; a number when the schema has no name for it | name or number |
 * | message | object; `null` when absent | object; absent, `null` or `undefined` when not set |
 * | `repeated`, `map` | array, object; empty when absent | the same, or absent |
 * | `oneof choice` | the member that is set, and `choice` with its name | at most one member; `choice` is not read |
 * | proto3 `optional` | absent when not set; also `_name` as for a oneof | the same |
 *
 * Keys of a map are strings, as those of every object: decimal for numbers, `true` and `false` for bool.
 */
export const conversion = {
  /** False: `user_name` becomes `userName`. */
  keepCase: false,
  longs: String,
  enums: String,
  bytes: Buffer,
  /** A field that is absent gets its default value, unless it belongs to a oneof. */
  defaults: true,
  arrays: true,
  objects: true,
  oneofs: true,
} as const;

/** How deep messages may be nested; protobuf's usual limit. */
export const MAX_DEPTH = 100;
