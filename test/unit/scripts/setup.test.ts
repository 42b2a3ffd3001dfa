import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { expect } from "chai";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** The scripts are plain JavaScript, without declarations. */
const script = (name: string) => import(new URL(`../../../scripts/${name}`, import.meta.url).href);
const { generateTypes } = await script("generate-types.mjs");
const { isInstalled } = await script("setup.mjs");
const { filesIn, hashOf, isFresh, withLock, writeStamp } = await script("stamps.mjs");

const { path: folder, remove } = temporaryFolder({ "src/b.ts": "b", "src/a/c.ts": "c", "src/.hidden": "" });
const inFolder = (...names: string[]) => join(folder, ...names);

after(remove);

describe("the stamp of a setup step", () => {
  it("is of the names and contents of all files", () => {
    const files = filesIn(inFolder("src"));
    expect(files).to.deep.equal([inFolder("src", "a", "c.ts"), inFolder("src", "b.ts")]);
    const before = hashOf(files, "flag");
    expect(hashOf(files, "flag")).to.equal(before);
    expect(hashOf(files, "other flag")).to.not.equal(before);
    expect(hashOf(files.slice(1), "flag")).to.not.equal(before);
    writeFileSync(inFolder("src", "b.ts"), "changed");
    expect(hashOf(files, "flag")).to.not.equal(before);
  });

  it("is fresh only while it is the same", () => {
    const stamp = inFolder("dist", ".stamp");
    expect(isFresh(stamp, "1")).to.equal(false);
    writeStamp(stamp, "1");
    expect(isFresh(stamp, "1")).to.equal(true);
    expect(isFresh(stamp, "2")).to.equal(false);
  });
});

describe("the lock of a setup", () => {
  it("lets one work at a time, and is gone when the work fails", async () => {
    const lock = inFolder("locks", "one");
    const events: string[] = [];
    const work = async () => {
      events.push("first begins");
      await new Promise((resolve) => setImmediate(resolve));
      events.push("first ends");
      throw new Error("failed");
    };
    const first = withLock(lock, work).catch(() => {});
    const second = withLock(
      lock,
      () => events.push("second"),
      () => {},
    );
    await Promise.all([first, second]);
    expect(events).to.deep.equal(["first begins", "first ends", "second"]);
    expect(existsSync(lock)).to.equal(false);
  });

  it("is taken from an owner that is gone", async () => {
    const lock = inFolder("locks", "two");
    const { pid } = spawnSync(process.execPath, ["--version"]);
    mkdirSync(lock, { recursive: true });
    const { hostname } = await import("node:os");
    writeFileSync(join(lock, "owner"), JSON.stringify({ pid, host: hostname() }));
    expect(await withLock(lock, () => "done")).to.equal("done");
  });

  it("is taken when it is older than any setup takes", async () => {
    const lock = inFolder("locks", "three");
    mkdirSync(lock, { recursive: true });
    writeFileSync(join(lock, "owner"), JSON.stringify({ pid: process.pid, host: "another" }));
    utimesSync(lock, 0, 0);
    expect(await withLock(lock, () => "done")).to.equal("done");
  });
});

describe("the packages", () => {
  const lockFile = inFolder("package-lock.json");
  const installed = inFolder("installed.json");
  const write = (file: string, packages: object) => writeFileSync(file, JSON.stringify({ packages }));

  it("are there when npm has installed what the lock file asks for on this platform", () => {
    write(lockFile, {
      "": { name: "yodel" },
      "node_modules/a": { version: "1.0.0" },
      "node_modules/b-win32": { version: "1.0.0", optional: true },
    });
    expect(isInstalled(lockFile, installed)).to.equal(false);
    write(installed, { "node_modules/a": { version: "1.0.0" } });
    expect(isInstalled(lockFile, installed)).to.equal(true);
    write(installed, { "node_modules/a": { version: "1.0.1" } });
    expect(isInstalled(lockFile, installed)).to.equal(false);
  });
});

describe("the generated types", () => {
  const outDir = inFolder("generated");
  const directories = ["proto", "test/support/proto"];
  const said: string[] = [];
  const say = (line: string) => said.push(line);

  it("are made once, and again when a .proto file changes", async () => {
    expect(await generateTypes({ directories, outDir, say })).to.equal(true);
    expect(await generateTypes({ directories, outDir, say })).to.equal(false);
    expect(await generateTypes({ directories: ["proto"], outDir: inFolder("other"), say })).to.equal(true);
    expect(said[0]).to.match(/^Generated the types of 3 \.proto files in /);
    const greeter = readFileSync(join(outDir, "helloworld", "Greeter.ts"), "utf8");
    expect(greeter).to.include("export interface GreeterHandlers");
    expect(greeter).to.include("from '../helloworld/HelloReply.ts'");
  });

  it("compile under the strict options of the project, and are what handlers are written against", function () {
    this.timeout(60_000);
    const checkout = process.cwd();
    const project = inFolder("tsconfig.json");
    writeFileSync(
      inFolder("uses.ts"),
      `import type { Implementation } from ${JSON.stringify(relative(folder, join(checkout, "src/rpc/service.ts")))};
import type { VarietyHandlers } from "./generated/varied/v1/Variety.ts";
export const variety: Implementation<VarietyHandlers> = {
  echo: (everything) => ({ ...everything, longs: everything.longs.map((long) => long.toUpperCase()) }),
  *sayNumbers({ color, aUint64, someBytes }) {
    const length: number = someBytes.readUInt8() + aUint64.length;
    yield { color, anInt32: length };
  },
};
`,
    );
    symlinkSync(join(checkout, "node_modules"), inFolder("node_modules"));
    writeFileSync(inFolder("package.json"), '{ "type": "module" }');
    writeFileSync(
      project,
      JSON.stringify({
        extends: join(checkout, "tsconfig.json"),
        compilerOptions: {
          noEmit: true,
          rootDir: "/",
          module: "NodeNext",
          typeRoots: [join(checkout, "node_modules/@types")],
        },
        include: ["generated", "uses.ts"],
      }),
    );
    const compiler = join(checkout, "node_modules", "typescript", "bin", "tsc");
    const { stdout, status } = spawnSync(process.execPath, [compiler, "-p", project], { encoding: "utf8" });
    expect(stdout).to.equal("");
    expect(status).to.equal(0);
  });

  it("are not made from a file with a mistake, which is shown where it is", () => {
    const protos = temporaryFolder({ "a.proto": 'syntax = "proto3";\nmessge A {}' });
    const generator = join("scripts", "generate-types.mjs");
    const { stderr, status } = spawnSync(process.execPath, [generator, "--proto", protos.path], {
      encoding: "utf8",
    });
    protos.remove();
    expect(stderr).to.match(/a\.proto:2:1: unexpected token "messge"\n {2}2 \| messge A \{\}\n {4}\| \^\n$/);
    expect(status).to.equal(1);
  });
});

describe("the setup command", () => {
  it("does and says nothing for types that are there, from any folder", () => {
    const generator = join(process.cwd(), "scripts", "generate-types.mjs");
    const run = () => spawnSync(process.execPath, [generator], { cwd: folder, encoding: "utf8" });
    run();
    const { stdout, stderr, status } = run();
    expect({ stdout, stderr, status }).to.deep.equal({ stdout: "", stderr: "", status: 0 });
    expect(statSync("src/generated/helloworld/Greeter.ts").isFile()).to.equal(true);
  });

  it("explains how it is used", () => {
    const { stderr, status } = spawnSync(process.execPath, ["scripts/setup.mjs", "bild"], {
      encoding: "utf8",
    });
    expect(stderr).to.equal("Usage: node scripts/setup.mjs [install|types|build]\n");
    expect(status).to.equal(1);
  });
});
