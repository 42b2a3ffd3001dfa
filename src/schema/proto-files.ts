import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SchemaError, shownPath } from "./schema-error.ts";

const require = createRequire(import.meta.url);

/** The .proto files that come with this package. They are not among the application's own, which are its affair. */
export const vendoredDirectory = fileURLToPath(new URL("../../vendor/proto/", import.meta.url));

/** Imports that begin so are looked for here last. */
const builtInDirectories: readonly [prefix: string, directory: string][] = [
  ["google/api/", dirname(require.resolve("protobufjs/package.json"))],
  ["google/rpc/", vendoredDirectory],
  ["xds/", vendoredDirectory],
];

/** What can be imported without having the file, for messages. */
export const builtInImports =
  "google/protobuf/*.proto, google/rpc/*.proto, google/api/annotations.proto and google/api/http.proto";

/** One .proto file. */
export interface ProtoFile {
  /** Without symbolic links: the same file found twice has the same. */
  readonly path: string;
  /** Relative to the working directory. */
  readonly shown: string;
  readonly source: string;
}

/**
 * All .proto files below the directories, in the order of their names. Hidden folders are left out: Kubernetes keeps
 * a second copy of mounted files in one.
 *
 * @throws {SchemaError} when a directory is missing or has no .proto file
 */
export function findProtoFiles(directories: readonly string[]): ProtoFile[] {
  const found = new Map<string, ProtoFile>();
  for (const directory of directories) {
    const names = protoFilesIn(directory);
    if (names.length === 0) throw new SchemaError(`The folder ${directory} has no .proto file in it.`);
    for (const name of names) {
      const file = readProtoFile(name);
      if (!found.has(file.path)) found.set(file.path, file);
    }
  }
  return [...found.values()];
}

/** The file that an import means: looked up in the directories, in order, then among the built-in ones. */
export function findImport(name: string, directories: readonly string[]): ProtoFile | undefined {
  const builtIn = builtInDirectories.filter(([prefix]) => name.startsWith(prefix));
  for (const directory of [...directories, ...builtIn.map(([, directory]) => directory)]) {
    const path = join(directory, name);
    if (isFile(path)) return readProtoFile(path);
  }
  return undefined;
}

function readProtoFile(path: string): ProtoFile {
  return {
    path: realpathSync(path),
    shown: shownPath(resolve(path)),
    // A byte order mark is no token.
    source: readFileSync(path, "utf8").replace(/^\uFEFF/, ""),
  };
}

function protoFilesIn(directory: string): string[] {
  const files: string[] = [];
  const visited = new Set<string>();
  const visit = (folder: string) => {
    const real = realpathSync(folder);
    if (visited.has(real)) return;
    visited.add(real);
    for (const name of readdirSync(folder).sort()) {
      if (name.startsWith(".") || name === "node_modules") continue;
      const path = join(folder, name);
      if (name.endsWith(".proto") && isFile(path)) files.push(path);
      else if (isDirectory(path)) visit(path);
    }
  };
  if (!isDirectory(directory)) {
    throw new SchemaError(`The folder of .proto files ${directory} does not exist (${resolve(directory)}).`);
  }
  visit(directory);
  return files;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
