import { relative } from "node:path";

/** A place in a .proto file. */
export interface Place {
  /** Relative to the working directory. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** The .proto files cannot be used. The message is for the person who wrote them. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(message: string, place?: Place) {
    super(message);
    this.file = place?.file;
    this.line = place?.line;
    this.column = place?.column;
  }
}

/**
 * An error at a place of a source text, shown with the line it is in.
 *
 * @param offset index into `source`
 * @param hints whole lines that follow the excerpt
 */
export function errorAt(
  file: string,
  source: string,
  offset: number,
  problem: string,
  hints: readonly string[] = [],
): SchemaError {
  const before = source.slice(0, offset);
  const line = before.split("\n").length;
  const lineStart = before.lastIndexOf("\n") + 1;
  const text = source.slice(lineStart).split("\n", 1)[0].replace(/\r$/, "");
  const column = offset - lineStart + 1;
  const gutter = String(line);
  // Tabs stay tabs, so that the caret stands below its character however wide they are shown.
  const indent = text.slice(0, column - 1).replace(/[^\t]/g, " ");
  const message = [
    `${file}:${line}:${column}: ${problem}`,
    `  ${gutter} | ${text}`,
    `  ${" ".repeat(gutter.length)} | ${indent}^`,
    ...hints,
  ].join("\n");
  return new SchemaError(message, { file, line, column });
}

/** A path as people should see it: relative to the working directory. */
export function shownPath(path: string): string {
  return relative(process.cwd(), path) || ".";
}
