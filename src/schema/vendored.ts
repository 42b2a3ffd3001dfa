import { vendoredDirectory } from "./proto-files.ts";
import { loadSchema } from "./schema.ts";
import type { Codec, Schema } from "./types.ts";

const schemas = new Map<string, Schema>();

/** A folder of the .proto files that come with this package (`google/rpc`), read when first asked for. */
export function vendoredSchema(name: string): Schema {
  let schema = schemas.get(name);
  if (schema === undefined) {
    schema = loadSchema([vendoredDirectory + name], [vendoredDirectory]);
    schemas.set(name, schema);
  }
  return schema;
}

/** The codec of a message type of {@link vendoredSchema}. */
export function vendoredCodec(name: string, typeName: string): Codec {
  const codec = vendoredSchema(name).codec(typeName);
  if (codec === undefined) throw new Error(`The .proto files of this package define no ${typeName}`);
  return codec;
}
