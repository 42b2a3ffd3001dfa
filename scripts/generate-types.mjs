// Makes the TypeScript types of all .proto files, in src/generated/, when a .proto file has changed since last time.
//
//   node scripts/generate-types.mjs [--proto <folder>]...
//
// The folders are also looked up in YODEL_PROTO (with commas); the default is proto. The types are those of
// proto-loader-gen-types, and fit what the server's codecs produce: see src/schema/conversion.ts.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { filesIn, hashOf, isFresh, projectRoot, StepError, writeStamp } from "./stamps.mjs";

const require = createRequire(import.meta.url);

/** The names of proto-loader's options; a test compares them with src/schema/conversion.ts. */
export const generatorFlags = [
  "--longs=String",
  "--enums=String",
  "--bytes=Buffer",
  "--defaults",
  "--arrays",
  "--objects",
  "--oneofs",
  "--includeComments",
  "--grpcLib=@grpc/grpc-js",
  "--importFileExtension=.ts",
];

/**
 * @param {object} [options]
 * @param {readonly string[]} [options.directories] folders of .proto files, relative to the checkout
 * @param {string} [options.outDir] emptied first
 * @param {(line: string) => void} [options.say]
 * @returns {Promise<boolean>} false when the types were up to date
 * @throws {Error} SchemaError for a mistake in a .proto file, {@link StepError} for one of the generator
 */
export async function generateTypes({
  directories = protoDirectories(),
  outDir = "src/generated",
  say = console.error,
} = {}) {
  const folders = directories.map((directory) => resolve(projectRoot, directory));
  const target = resolve(projectRoot, outDir);
  const stamp = join(target, ".stamp");
  const hash = hashOf(protoFiles(folders), generatorVersion(), ...directories, ...generatorFlags);
  if (isFresh(stamp, hash)) return false;

  await checkProtos(folders);
  const names = [
    ...new Set(folders.flatMap((folder) => protoFiles([folder]).map((file) => protoName(folder, file)))),
  ];
  const draft = `${target}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  try {
    runGenerator(names, folders, draft);
    for (const file of filesIn(draft)) tidy(file, draft);
    rmSync(target, { recursive: true, force: true });
    renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  writeStamp(stamp, hash);
  const count = `${names.length} .proto file${names.length === 1 ? "" : "s"}`;
  say(`Generated the types of ${count} in ${relative(projectRoot, target)}`);
  return true;
}

/** From YODEL_PROTO, as the server itself. */
export function protoDirectories() {
  const list = (process.env.YODEL_PROTO ?? "").split(",").map((directory) => directory.trim());
  const named = list.filter((directory) => directory !== "");
  return named.length > 0 ? named : ["proto"];
}

/** @param {readonly string[]} folders */
function protoFiles(folders) {
  return folders.flatMap((folder) => filesIn(folder).filter((file) => file.endsWith(".proto")));
}

/** As in an import: `helloworld/greeter.proto`. */
function protoName(folder, file) {
  return relative(folder, file).replaceAll("\\", "/");
}

/** The server's own reading of the files, for its messages: the generator shows a stack for each mistake. */
async function checkProtos(folders) {
  const { tsImport } = await import("tsx/esm/api");
  const schemaModule = pathToFileURL(join(projectRoot, "src/schema/schema.ts")).href;
  const { loadSchema } = await tsImport(schemaModule, import.meta.url);
  loadSchema(folders.map((folder) => relative(process.cwd(), folder) || "."));
}

function runGenerator(names, folders, outDir) {
  const generator = require.resolve("@grpc/proto-loader/build/bin/proto-loader-gen-types.js");
  const builtIn = dirname(require.resolve("protobufjs/package.json"));
  const vendored = join(projectRoot, "vendor/proto");
  const includeDirs = [...folders, builtIn, vendored].map(
    (folder) => `--includeDirs=${relative(projectRoot, folder)}`,
  );
  const result = spawnSync(
    process.execPath,
    [generator, ...generatorFlags, ...includeDirs, `--outDir=${outDir}`, ...names],
    { cwd: projectRoot, encoding: "utf8" },
  );
  if (result.status !== 0) {
    throw new StepError(
      `The types could not be generated:\n${result.stderr || result.stdout || result.error}`,
    );
  }
}

/** A file for each .proto file lists what it defines for grpc-js's client, and may have imports that it does not use. */
function tidy(file, folder) {
  const text = readFileSync(file, "utf8");
  const isList = dirname(file) === folder && text.includes("export interface ProtoGrpcType");
  writeFileSync(file, isList ? `// @ts-nocheck\n${text}` : text);
}

function generatorVersion() {
  const { version } = require("@grpc/proto-loader/package.json");
  return `proto-loader ${version}`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  try {
    const { values } = parseArgs({ options: { proto: { type: "string", multiple: true } } });
    if (!existsSync(join(projectRoot, "node_modules"))) throw new StepError("Run npm ci first.");
    await generateTypes(values.proto === undefined ? {} : { directories: values.proto });
  } catch (error) {
    const isMistake =
      error instanceof StepError || error.name === "SchemaError" || error.code?.startsWith("ERR_PARSE_ARGS");
    console.error(isMistake ? error.message : error);
    process.exitCode = 1;
  }
}
