import protobuf from "protobufjs";
import { CodecRegistry } from "./codec.ts";
import { findProtoFiles } from "./proto-files.ts";
import { fullNameOf, objectsIn, resolveReferences } from "./proto-links.ts";
import { parseProtoFiles } from "./proto-parser.ts";
import type { MethodKind, MethodSchema, Schema, ServiceSchema } from "./types.ts";

export { SchemaError } from "./schema-error.ts";

/**
 * Reads every .proto file below the directories. Imports are looked for in the import directories, in their order, and
 * then among the files that are built in: google/protobuf/*.proto, google/rpc/*.proto, google/api/annotations.proto and
 * http.proto.
 *
 * @throws {SchemaError} on any mistake in the files, with the place where it is
 */
export function loadSchema(
  directories: readonly string[],
  importDirectories: readonly string[] = directories,
): Schema {
  const { root, sources } = parseProtoFiles(findProtoFiles(directories), importDirectories);
  resolveReferences(root, sources);
  const codecs = new CodecRegistry(root);
  const services = new Map<string, ServiceSchema>();
  for (const object of objectsIn(root)) {
    if (object instanceof protobuf.Service) services.set(fullNameOf(object), serviceSchema(object, codecs));
  }
  return {
    services,
    codec(typeName) {
      const type = root.lookup(typeName, [protobuf.Type]);
      return type instanceof protobuf.Type && fullNameOf(type) === typeName ? codecs.get(type) : undefined;
    },
  };
}

function serviceSchema(service: protobuf.Service, codecs: CodecRegistry): ServiceSchema {
  const name = fullNameOf(service);
  const methods = service.methodsArray.map(
    (method): MethodSchema => ({
      name: method.name,
      path: `/${name}/${method.name}`,
      kind: kindOf(method),
      // Both are there: the references have been resolved.
      request: codecs.get(method.resolvedRequestType!),
      response: codecs.get(method.resolvedResponseType!),
    }),
  );
  return { name, methods, file: service.filename ?? "" };
}

function kindOf(method: protobuf.Method): MethodKind {
  if (method.requestStream) return method.responseStream ? "bidi" : "client-stream";
  return method.responseStream ? "server-stream" : "unary";
}
