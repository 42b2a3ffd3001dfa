import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

export interface ImportFact {
  readonly specifier: string;
  /** True for `import type` and for braces in which every name says `type`: nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

export interface SourceFile {
  /** Relative to the folder read, with forward slashes. */
  readonly path: string;
  readonly lineCount: number;
  readonly imports: readonly ImportFact[];
}

/** Generated code imports what its generator likes, and nobody reads its length. */
const skippedFolder = "generated/";

/** Reads all .ts files below a folder. */
export function readSourceFiles(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => name.split(path.sep).join("/"))
    .filter((name) => name.endsWith(".ts") && !name.startsWith(skippedFolder))
    .sort()
    .map((name) => {
      const text = readFileSync(path.join(folder, name), "utf8");
      return { path: name, lineCount: text.trimEnd().split("\n").length, imports: readImports(text) };
    });
}

const statement = /^(?:import|export)\s+(type\s+)?([^"';]*?)\s*\bfrom\s*["']([^"']+)["']/gm;
const sideEffect = /^import\s*["']([^"']+)["']/gm;
const dynamic = /\bimport\(\s*["']([^"']+)["']/g;

/** The imports and re-exports of a module, read by pattern: the formatter sees to it that each starts a line. */
export function readImports(text: string): ImportFact[] {
  const code = withoutComments(text);
  const facts: ImportFact[] = [];
  for (const [, typeWord, clause, specifier] of code.matchAll(statement)) {
    facts.push({ specifier: specifier!, typeOnly: typeWord !== undefined || namesTypesOnly(clause!) });
  }
  for (const pattern of [sideEffect, dynamic]) {
    for (const [, specifier] of code.matchAll(pattern))
      facts.push({ specifier: specifier!, typeOnly: false });
  }
  return facts;
}

function namesTypesOnly(clause: string): boolean {
  const names = /^\{([^}]*)\}$/.exec(clause.trim())?.[1];
  if (names === undefined) return false;
  const parts = names.split(",").map((name) => name.trim());
  return parts.every((name) => name === "" || name.startsWith("type "));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}
