import path from "node:path";
import type { ImportFact, SourceFile } from "./source-files.ts";

/** One row of the table: which files it covers, and what they may import besides files of the same layer. */
interface Layer {
  readonly name: string;
  readonly pattern: RegExp;
  /** Names of layers; "*" for all. */
  readonly mayImport: readonly string[];
  /** Names of layers whose types may be imported; "*" for all. */
  readonly mayImportTypes?: readonly string[];
  /** Packages and node: modules; no list for any that no other rule keeps to one layer. */
  readonly packages?: readonly string[];
}

/** Downwards only. The first pattern that fits a file (relative to src/) names its layer. */
export const layers: readonly Layer[] = [
  { name: "http2/hpack", pattern: /^http2\/hpack\//, mayImport: [], packages: [] },
  { name: "http2", pattern: /^http2\//, mayImport: ["http2/hpack", "exchange"], packages: ["node:buffer"] },
  { name: "exchange", pattern: /^exchange\.ts$/, mayImport: [], packages: [] },
  { name: "http1", pattern: /^http1\//, mayImport: ["exchange"] },
  { name: "transport", pattern: /^transport\//, mayImport: ["exchange", "http1", "http2"] },
  { name: "schema", pattern: /^schema\//, mayImport: [] },
  // The one file that joins the RPC side to what listens.
  {
    name: "rpc/server.ts",
    pattern: /^rpc\/server\.ts$/,
    mayImport: ["rpc", "exchange", "schema", "transport"],
  },
  { name: "rpc", pattern: /^rpc\//, mayImport: ["rpc/server.ts", "exchange", "schema"] },
  {
    name: "protocols/shared",
    pattern: /^protocols\/shared\//,
    mayImport: ["exchange", "rpc", "rpc/server.ts", "schema"],
  },
  {
    name: "protocols",
    pattern: /^protocols\//,
    mayImport: ["protocols/shared", "exchange", "rpc", "rpc/server.ts", "schema"],
  },
  {
    name: "observability",
    pattern: /^observability\//,
    mayImport: [],
    mayImportTypes: ["*"],
    packages: ["node:module", "pino", "pino-pretty", "prom-client", "@opentelemetry/api"],
  },
  { name: "generated", pattern: /^generated\//, mayImport: [] },
  {
    name: "application",
    pattern: /^(services|builtin|compat)\//,
    mayImport: ["index"],
    mayImportTypes: ["generated"],
  },
  { name: "index", pattern: /^index\.ts$/, mayImport: ["*"] },
  { name: "top", pattern: /^(server|config)\.ts$|^config\//, mayImport: ["*"] },
];

/** Packages that only one layer may import: what they do is that layer's business alone. */
const ownedPackages: Readonly<Record<string, string>> = {
  protobufjs: "schema",
  "@grpc/proto-loader": "schema",
  "@bufbuild/protobuf": "schema",
};

/** Layers made of siblings, and how many folder names tell one sibling from another. */
const siblingDepth: Readonly<Record<string, number>> = { protocols: 2, application: 1 };

const maxLines = 400;

/** Every broken rule as a sentence that names the file and, where there is one, the import; empty when all is well. */
export function findViolations(files: readonly SourceFile[]): string[] {
  const violations: string[] = [];
  for (const file of files) {
    const layer = layerOf(file.path);
    if (!layer) {
      violations.push(`${file.path}: in no layer; add a row to the table in test/architecture/layers.ts`);
      continue;
    }
    if (file.lineCount > maxLines) {
      violations.push(`${file.path}: ${file.lineCount} lines, at most ${maxLines} allowed`);
    }
    for (const fact of file.imports) {
      const reason = isRelative(fact.specifier)
        ? faultOfImport(layer, file.path, fact)
        : faultOfPackage(layer, fact.specifier);
      if (reason) violations.push(`${file.path}: imports ${fact.specifier}, ${reason}`);
    }
  }
  return [...violations, ...findCycles(files)];
}

function layerOf(file: string): Layer | undefined {
  return layers.find(({ pattern }) => pattern.test(file));
}

function faultOfImport(layer: Layer, file: string, fact: ImportFact): string | undefined {
  const target = resolveImport(file, fact.specifier);
  const targetLayer = layerOf(target);
  if (!targetLayer) return "which is in no layer";
  if (targetLayer === layer) return faultAmongSiblings(layer, file, target);
  const allowed = fact.typeOnly ? [...layer.mayImport, ...(layer.mayImportTypes ?? [])] : layer.mayImport;
  if (allowed.includes("*") || allowed.includes(targetLayer.name)) return undefined;
  const kind = fact.typeOnly ? "" : " (as a value)";
  return `but ${layer.name} may not import ${targetLayer.name}${kind}`;
}

/**
 * Protocols never import one another, nor do the parts of the application: each could be taken away alone. A file right
 * below protocols/ is what puts them together.
 */
function faultAmongSiblings(layer: Layer, file: string, target: string): string | undefined {
  const depth = siblingDepth[layer.name];
  if (depth === undefined) return undefined;
  const folderOf = (name: string) => name.split("/").slice(0, -1).slice(0, depth).join("/");
  const [from, to] = [folderOf(file), folderOf(target)];
  if (from === to || from === "protocols") return undefined;
  return `but ${from} may not import its sibling ${to}`;
}

function faultOfPackage(layer: Layer, specifier: string): string | undefined {
  const name = packageName(specifier);
  const owner = ownedPackages[name];
  if (owner !== undefined && owner !== layer.name) return `but only ${owner} may import ${name}`;
  if (layer.packages && !layer.packages.includes(name)) {
    return `but ${layer.name} may import ${layer.packages.join(", ") || "no package"}${layer.packages.length > 0 ? " only" : ""}`;
  }
  return undefined;
}

function packageName(specifier: string): string {
  if (specifier.startsWith("node:")) return specifier;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith(".");
}

function resolveImport(file: string, specifier: string): string {
  return path.posix.join(path.posix.dirname(file), specifier);
}

/** Each cycle once, as `a.ts -> b.ts -> a.ts`. Types are erased, yet a cycle of types is a cycle of thoughts too. */
function findCycles(files: readonly SourceFile[]): string[] {
  const targets = new Map(
    files.map((file) => [
      file.path,
      file.imports
        // A type may look back: it is gone when the code runs, and no module waits for another because of it.
        .filter((fact) => isRelative(fact.specifier) && !fact.typeOnly)
        .map((fact) => resolveImport(file.path, fact.specifier)),
    ]),
  );
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start !== -1) {
      cycles.push(`import cycle: ${[...trail.slice(start), file].join(" -> ")}`);
      return;
    }
    if (finished.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...trail, file]);
    finished.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return cycles;
}
