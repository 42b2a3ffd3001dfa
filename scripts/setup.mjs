// Brings a checkout to where the server can start, doing only what is not done yet. Plain Node: on a fresh clone there
// are no packages.
//
//   node scripts/setup.mjs install   the packages of package-lock.json
//   node scripts/setup.mjs types     and the types of the .proto files, in src/generated/
//   node scripts/setup.mjs build     and the compiled server, in dist/
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { filesIn, hashOf, isFresh, projectRoot, StepError, withLock, writeStamp } from "./stamps.mjs";

const steps = ["install", "types", "build"];

/** @param {string} last the step to stop after */
export async function setUp(last) {
  await withLock(join(projectRoot, ".yodel", "setup.lock"), async () => {
    installPackages();
    if (last === "install") return;
    // Not before the packages are there: it uses some.
    const { generateTypes } = await import("./generate-types.mjs");
    await generateTypes();
    if (last === "build") compile();
  });
}

function installPackages() {
  const lockFile = join(projectRoot, "package-lock.json");
  const stamp = join(projectRoot, "node_modules", ".yodel-install");
  const hash = hashOf([lockFile]);
  if (isFresh(stamp, hash)) return;
  if (!isInstalled(lockFile, join(projectRoot, "node_modules", ".package-lock.json"))) {
    console.error("Installing dependencies (the first time takes a minute) …");
    runNpm(["ci", "--no-audit", "--no-fund", "--include=dev", "--loglevel=error"]);
  }
  writeStamp(stamp, hash);
}

/**
 * True when npm itself has put there what the lock file asks for. Packages for other platforms are never there.
 *
 * @param {string} lockFile package-lock.json
 * @param {string} installed npm's own list in node_modules
 */
export function isInstalled(lockFile, installed) {
  if (!existsSync(installed)) return false;
  const wanted = readPackages(lockFile);
  const present = readPackages(installed);
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    return path === "" || optional === true || present[path]?.version === version;
  });
}

function readPackages(file) {
  return JSON.parse(readFileSync(file, "utf8")).packages ?? {};
}

/** Quiet unless it fails. */
function runNpm(args) {
  // Within `npm start` this names npm's program; Windows could not start npm.cmd without a shell.
  const program = process.env.npm_execpath;
  const result =
    program !== undefined && /\.[cm]?js$/.test(program)
      ? spawnSync(process.execPath, [program, ...args], { cwd: projectRoot, encoding: "utf8" })
      : spawnSync("npm", args, { cwd: projectRoot, encoding: "utf8", shell: process.platform === "win32" });
  if (result.status === 0) return;
  const output = [result.error?.message, result.stdout, result.stderr].filter(Boolean).join("\n").trim();
  throw new StepError(`${output}\n\nInstalling dependencies failed: npm ${args.join(" ")}`);
}

function compile() {
  const outDir = join(projectRoot, "dist");
  const stamp = join(outDir, ".stamp");
  const configuration = ["tsconfig.json", "package.json", "package-lock.json"].map((name) =>
    join(projectRoot, name),
  );
  const hash = hashOf([...filesIn(join(projectRoot, "src")), ...configuration]);
  const server = join(outDir, "server.js");
  if (isFresh(stamp, hash) && existsSync(server)) return;
  console.error("Compiling …");
  // Modules whose source is gone must not stay.
  rmSync(outDir, { recursive: true, force: true });
  const compiler = join(projectRoot, "node_modules", "typescript", "bin", "tsc");
  const result = spawnSync(process.execPath, [compiler, "-p", "tsconfig.json"], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  if (result.status !== 0) {
    throw new StepError(
      `${result.stdout}${result.stderr}${result.error ?? ""}\nThe server does not compile.`,
    );
  }
  chmodSync(server, 0o755);
  writeStamp(stamp, hash);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const [step = "build", ...rest] = process.argv.slice(2);
  try {
    if (!steps.includes(step) || rest.length > 0) {
      throw new StepError(`Usage: node scripts/setup.mjs [${steps.join("|")}]`);
    }
    await setUp(step);
  } catch (error) {
    // A SchemaError has the place of the mistake in its message.
    const isMistake = error instanceof StepError || error.name === "SchemaError";
    console.error(isMistake ? error.message : error);
    process.exitCode = 1;
  }
}
