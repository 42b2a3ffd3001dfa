import protobuf from "protobufjs";
import { offsetOfDefinition, offsetOfRepeat, offsetOfWord } from "./proto-source.ts";
import { errorAt, SchemaError } from "./schema-error.ts";

/** A reference by name from a field, a method or an extension. */
interface Reference {
  /** As in `the field helloworld.HelloReply.message`. */
  readonly from: string;
  readonly type: string;
  /** The message, service or package it is in. */
  readonly scope: protobuf.ReflectionObject | null;
  readonly file: string | null;
  /** Where the source text names it. */
  offset(source: string): number | undefined;
}

/**
 * Resolves every reference of the tree.
 *
 * @throws {SchemaError} naming the first type that is not there
 */
export function resolveReferences(root: protobuf.Root, sources: ReadonlyMap<string, string>): void {
  const types = new Set<string>();
  for (const object of objectsIn(root)) if (isType(object)) types.add(fullNameOf(object));
  // protobufjs also finds a type of this name in packages that do not enclose the reference; protoc does not.
  for (const reference of referencesIn(root)) {
    if (!isInScope(reference, types)) throw unresolved(root, reference, sources);
  }
  try {
    root.resolveAll();
  } catch (error) {
    throw new SchemaError((error as Error).message);
  }
}

function isType(object: protobuf.ReflectionObject): boolean {
  return object instanceof protobuf.Type || object instanceof protobuf.Enum;
}

/** Looked up from the innermost scope outwards; with a dot in front, by the full name alone. */
function isInScope({ type, scope }: Reference, types: ReadonlySet<string>): boolean {
  if (type.startsWith(".")) return types.has(type.slice(1));
  for (let outer = scope; outer !== null; outer = outer.parent) {
    const prefix = fullNameOf(outer);
    if (types.has(prefix === "" ? type : `${prefix}.${type}`)) return true;
  }
  return false;
}

/** Every object of the tree. */
export function* objectsIn(namespace: protobuf.NamespaceBase): Generator<protobuf.ReflectionObject> {
  for (const object of namespace.nestedArray) {
    yield object;
    if (object instanceof protobuf.Namespace) yield* objectsIn(object);
  }
}

/** `helloworld.Greeter`, without protobufjs' leading dot. */
export function fullNameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, "");
}

function* referencesIn(root: protobuf.Root): Generator<Reference> {
  for (const object of objectsIn(root)) {
    if (object instanceof protobuf.Type) {
      for (const field of object.fieldsArray) yield* fieldReference(field);
    } else if (object instanceof protobuf.Service) {
      for (const method of object.methodsArray) {
        yield methodReference(method, method.requestType);
        yield methodReference(method, method.responseType);
      }
    } else if (object instanceof protobuf.Field) {
      yield extensionReference(object);
      yield* fieldReference(object);
    }
  }
}

function* fieldReference(field: protobuf.Field): Generator<Reference> {
  if (field.type in protobuf.types.basic) return;
  const { parent } = field;
  yield {
    from: `the field ${fullNameOf(field)}`,
    type: field.type,
    scope: field.declaringField?.parent ?? parent,
    file: field.filename ?? parent?.filename ?? null,
    offset: (source) => offsetOfWord(source, offsetOfDefinition(source, parent?.name ?? "") ?? 0, field.type),
  };
}

function methodReference(method: protobuf.Method, type: string): Reference {
  return {
    from: `the method ${fullNameOf(method)}`,
    type,
    scope: method.parent,
    file: method.filename ?? method.parent?.filename ?? null,
    offset(source) {
      const at = offsetOfRepeat(source, 0, new RegExp(`\\brpc\\s+(${method.name})\\b`));
      return at === undefined ? undefined : offsetOfWord(source, at + method.name.length, type);
    },
  };
}

function extensionReference(field: protobuf.Field): Reference {
  const type = field.extend ?? "";
  return {
    from: `the extension ${fullNameOf(field)}`,
    type,
    scope: field.parent,
    file: field.filename,
    offset: (source) => offsetOfWord(source, 0, type),
  };
}

function unresolved(
  root: protobuf.Root,
  { from, type, file, offset }: Reference,
  sources: ReadonlyMap<string, string>,
): SchemaError {
  const simpleName = type.slice(type.lastIndexOf(".") + 1);
  const similar = [...objectsIn(root)].find((object) => object.name === simpleName && isType(object));
  const hints = similar === undefined ? [] : [`There is ${fullNameOf(similar)}; did you mean that?`];
  const problem = `cannot find the type "${type}" of ${from}`;
  const source = sources.get(file ?? "");
  if (file === null || source === undefined) return new SchemaError([problem, ...hints].join("\n"));
  return errorAt(file, source, offset(source) ?? 0, problem, hints);
}
