// What setup.mjs and generate-types.mjs share: is the outcome of a step still that of its inputs? Plain Node, no packages.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, relative } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The checkout, wherever the command was started. */
export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** A mistake to be told in words, without a stack. */
export class StepError extends Error {}

/**
 * All files below a folder, sorted; none when it is missing. Hidden files are left out.
 *
 * @param {string} folder
 * @returns {string[]} paths that begin with `folder`
 */
export function filesIn(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => !name.startsWith("."));
  return names.sort().flatMap((name) => {
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? [] : stat.isDirectory() ? filesIn(path) : [path];
  });
}

/**
 * A hash of the names and contents of files, and of what else a step depends on.
 *
 * @param {readonly string[]} files missing ones count as empty
 * @param {...string} extra
 * @returns {string}
 */
export function hashOf(files, ...extra) {
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(`${relative(projectRoot, file)}\0`);
    hash.update(existsSync(file) ? readFileSync(file) : "");
    hash.update("\0");
  }
  for (const text of extra) hash.update(`${text}\0`);
  return hash.digest("hex");
}

/**
 * @param {string} stamp the file that {@link writeStamp} wrote
 * @param {string} hash
 */
export function isFresh(stamp, hash) {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === hash;
}

/**
 * @param {string} stamp
 * @param {string} hash
 */
export function writeStamp(stamp, hash) {
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

/** Longer than any step takes. */
const LOCK_AGE_MS = 15 * 60_000;

/**
 * Runs `work` while no other process does: `npm start` and `npm test` may be started together. A lock whose owner is
 * gone is taken over.
 *
 * @template T
 * @param {string} folder the lock: creating a folder either succeeds or finds it there
 * @param {() => T | Promise<T>} work
 * @param {(line: string) => void} [say]
 * @returns {Promise<T>}
 */
export async function withLock(folder, work, say = console.error) {
  mkdirSync(dirname(folder), { recursive: true });
  let waiting = false;
  while (!takeLock(folder)) {
    if (isAbandoned(folder)) {
      rmSync(folder, { recursive: true, force: true });
      continue;
    }
    if (!waiting) say("Waiting for another setup of this checkout to finish …");
    waiting = true;
    await wait(200);
  }
  const release = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

/** @param {string} folder */
function takeLock(folder) {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  writeFileSync(join(folder, "owner"), JSON.stringify({ pid: process.pid, host: hostname() }));
  return true;
}

/** @param {string} folder */
function isAbandoned(folder) {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  const ageMs = Date.now() - stat.mtimeMs;
  if (ageMs > LOCK_AGE_MS) return true;
  try {
    const { pid, host } = JSON.parse(readFileSync(join(folder, "owner"), "utf8"));
    return host === hostname() && !isAlive(pid);
  } catch {
    // Its owner has not written its name yet; if it died in between, it never will.
    return ageMs > 10_000;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
