import { createRequire } from "node:module";
import protobuf from "protobufjs";
import { conversion } from "./conversion.ts";
import { builtInImports, findImport, type ProtoFile } from "./proto-files.ts";
import {
  escapePattern,
  offsetOfDefinition,
  offsetOfMember,
  offsetOfRepeat,
  offsetOfToken,
  offsetOfWord,
} from "./proto-source.ts";
import { errorAt, type SchemaError } from "./schema-error.ts";

const require = createRequire(import.meta.url);

/** Files of google/protobuf that protobufjs has in parsed form but does not offer by itself; proto-loader adds them too. */
for (const name of ["api", "descriptor", "source_context", "type"]) {
  const { nested } = require(`protobufjs/google/protobuf/${name}.json`) as protobuf.INamespace;
  const google = nested!["google"] as protobuf.INamespace;
  protobuf.common(name, (google.nested!["protobuf"] as protobuf.INamespace).nested!);
}

/**
 * Parses files and all that they import into one tree. References are not resolved yet.
 *
 * @throws {SchemaError} on a mistake of syntax, an import that is not there, a name defined twice
 */
export function parseProtoFiles(
  files: readonly ProtoFile[],
  directories: readonly string[],
): { root: protobuf.Root; sources: ReadonlyMap<string, string> } {
  const root = new protobuf.Root();
  const sources = new Map<string, string>();
  const seen = new Set<string>();
  const queue = files.filter((file) => bundledName(file.path.replaceAll("\\", "/")) === undefined);
  for (const file of queue) {
    if (seen.has(file.path)) continue;
    seen.add(file.path);
    sources.set(file.shown, file.source);
    for (const name of parseProtoFile(file, root)) {
      const bundled = bundledName(name);
      if (bundled === undefined) {
        const imported = findImport(name, directories);
        if (imported === undefined) throw missingImport(file, name, directories, files);
        queue.push(imported);
      } else if (!seen.has(bundled)) {
        addBundled(root, bundled, seen);
      }
    }
  }
  return { root, sources };
}

/** Adds a built-in file; they import each other only to resolve types that the parsed forms carry already. */
function addBundled(root: protobuf.Root, name: string, seen: Set<string>): void {
  seen.add(name);
  root.addJSON(protobuf.common.get(name)!.nested!);
  // google/protobuf/type.proto uses Any and SourceContext, api.proto uses Type as well.
  const needed: Record<string, readonly string[]> = {
    "google/protobuf/type.proto": ["google/protobuf/any.proto", "google/protobuf/source_context.proto"],
    "google/protobuf/api.proto": ["google/protobuf/type.proto", "google/protobuf/source_context.proto"],
  };
  for (const other of needed[name] ?? []) if (!seen.has(other)) addBundled(root, other, seen);
}

/** protobufjs takes google/protobuf from its own copies, however the path to it begins; so do we, and so do the types. */
function bundledName(path: string): string | undefined {
  const at = path.lastIndexOf("google/protobuf/");
  const name = at < 0 ? "" : path.slice(at);
  return name !== "" && Object.hasOwn(protobuf.common, name) ? name : undefined;
}

/** Returns the names it imports. */
function parseProtoFile(file: ProtoFile, root: protobuf.Root): string[] {
  // The parser notes this on what it makes; its type declarations leave it out.
  (protobuf.parse as unknown as { filename: string }).filename = file.shown;
  try {
    const { imports, weakImports } = protobuf.parse(file.source, root, {
      keepCase: conversion.keepCase,
      alternateCommentMode: true,
    });
    return [...(imports ?? []), ...(weakImports ?? [])];
  } catch (error) {
    throw syntaxError(file, root, error as Error);
  }
}

function missingImport(
  file: ProtoFile,
  name: string,
  directories: readonly string[],
  files: readonly ProtoFile[],
): SchemaError {
  const offset =
    offsetOfRepeat(file.source, 0, new RegExp(`import\\b[^;]*?(["']${escapePattern(name)})`)) ?? 0;
  const baseName = name.slice(name.lastIndexOf("/") + 1);
  const similar = files.find(({ shown }) => shown.replaceAll("\\", "/").endsWith(`/${baseName}`));
  const hint =
    similar === undefined
      ? `Put the file into one of these folders, so that the folder and "${name}" make its path.`
      : `An import is a path from one of these folders; ${similar.shown} is there.`;
  return errorAt(file.shown, file.source, offset, `cannot find the import "${name}"`, [
    `Searched in: ${directories.join(", ")}; built in are ${builtInImports}.`,
    hint,
  ]);
}

/** The parser's words for a mistake, in ours, with the place it is at. */
function syntaxError({ shown, source }: ProtoFile, root: protobuf.Root, error: Error): SchemaError {
  const { message } = error;
  const illegal = /^illegal ([\w ]+?) '([\s\S]*?)'(?:, '(.+?)' expected)? \((?:[\s\S]*, )?line (\d+)\)$/;
  const token = illegal.exec(message);
  if (token !== null) {
    const [, what, found, expected, line] = token;
    return errorAt(
      shown,
      source,
      offsetOfToken(source, Number(line), found),
      unexpected(what, found, expected),
    );
  }
  const unfinished = /^illegal (string|comment) \((?:[\s\S]*, )?line (\d+)\)$/.exec(message);
  if (unfinished !== null) {
    const offset = offsetOfToken(source, Number(unfinished[2]), undefined);
    return errorAt(shown, source, offset, `this ${unfinished[1]} has no end`);
  }
  // It goes on reading where there is nothing left.
  if (error instanceof TypeError) {
    return errorAt(shown, source, source.trimEnd().length, "unexpected end of the file");
  }
  return definitionError(shown, source, root, message);
}

function unexpected(what: string, found: string, expected: string | undefined): string {
  if (found === "null") return "unexpected end of the file";
  if (expected !== undefined) return `unexpected "${found}", expected "${expected}"`;
  return what === "token" ? `unexpected token "${found}"` : `"${found}" is no valid ${what}`;
}

/** Names and numbers used twice or reserved; the parser tells in what, but not where. */
function definitionError(file: string, source: string, root: protobuf.Root, message: string): SchemaError {
  const match = /^(duplicate name|duplicate id|id|name) '?(.+?)'?(?: is reserved)? in (\w+) ?(.*)$/.exec(
    message,
  );
  if (match === null) return errorAt(file, source, 0, message);
  const [, what, subject, kind, fullContainer] = match;
  const container = fullContainer.replace(/^\./, "");
  const name = container.slice(container.lastIndexOf(".") + 1);
  const isPackage = kind === "Namespace" || kind === "Root";
  const from = isPackage ? 0 : (offsetOfDefinition(source, name) ?? 0);
  const fullName = `${container}.${subject}`.replace(/^\.+/, "");
  if (what === "duplicate id" || what === "id") {
    const offset = offsetOfRepeat(source, from, new RegExp(`=\\s*(${subject})\\b`)) ?? from;
    const problem = what === "id" ? "is reserved" : "is used twice";
    return errorAt(file, source, offset, `the number ${subject} ${problem} in ${container}`);
  }
  const offset =
    offsetOfDefinition(source.slice(from), subject) ??
    offsetOfRepeat(source.slice(from), 0, new RegExp(`\\brpc\\s+(${subject})\\b`)) ??
    offsetOfMember(source.slice(from), 0, subject) ??
    offsetOfWord(source.slice(from), 0, subject) ??
    0;
  if (what === "name")
    return errorAt(file, source, from + offset, `the name ${subject} is reserved in ${container}`);
  const other = root.lookup(fullName)?.filename;
  const where = other == null || other === file ? "more than once" : `in ${other} already`;
  return errorAt(file, source, from + offset, `${fullName} is defined ${where}`);
}
