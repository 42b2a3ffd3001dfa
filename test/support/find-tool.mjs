import { accessSync, constants } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const binFolder = fileURLToPath(new URL("../../.tools/bin", import.meta.url));

/** The full path of an executable in .tools/bin or on PATH, the pinned one first; undefined when there is none. */
export function findTool(name) {
  const folders = [binFolder, ...(process.env.PATH ?? "").split(path.delimiter)];
  return folders.map((folder) => path.join(folder, name)).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
