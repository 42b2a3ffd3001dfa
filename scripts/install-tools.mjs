// Installs the foreign tools that test:conformance and bench use, all pinned, into the git-ignored .tools/:
//
//   node scripts/install-tools.mjs
//
// Go tools and the example clients land in .tools/; nghttp2's tools and chromium come from the Debian packages when this
// runs as root. What cannot be installed is said and left out; with CI=true that is a failure. Run again at any time:
// it does nothing for what is already there.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findTool } from "../test/support/find-tool.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const toolsFolder = path.join(root, ".tools");
const binFolder = path.join(toolsFolder, "bin");
const inCi = process.env.CI === "true";

const goTools = [
  { name: "h2spec", module: "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible" },
  { name: "grpcurl", module: "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4" },
  // `go install` calls it "client", after its folder.
  {
    name: "grpc-interop-client",
    installedAs: "client",
    module: "google.golang.org/grpc/interop/client@v1.85.0",
  },
  { name: "connectconformance", module: "connectrpc.com/conformance/cmd/connectconformance@v1.0.5" },
];

const debianTools = [
  { name: "nghttp", debianPackage: "nghttp2-client", versionFlag: "--version" },
  { name: "h2load", debianPackage: "nghttp2-client", versionFlag: "--version" },
  { name: "nghttpd", debianPackage: "nghttp2-server", versionFlag: "--version" },
  { name: "chromium", debianPackage: "chromium", versionFlag: "--version" },
  { name: "curl", debianPackage: "curl", versionFlag: "--version" },
];

const missing = [];

function installGoTools() {
  for (const { name, installedAs = name, module } of goTools) {
    const binary = path.join(binFolder, name);
    const stamp = path.join(binFolder, `.${name}-version`);
    if (existsSync(binary) && existsSync(stamp) && readFileSync(stamp, "utf8") === module) {
      report(name, module);
    } else if (!findTool("go")) {
      lack(name, "go is not installed");
    } else if (run("go", ["install", module], { GOBIN: binFolder })) {
      if (installedAs !== name) renameSync(path.join(binFolder, installedAs), binary);
      writeFileSync(stamp, module);
      report(name, module);
    } else {
      lack(name, `go install ${module} failed`);
    }
  }
}

function installDebianTools() {
  const wanted = debianTools.filter(({ name }) => !findTool(name));
  const packages = [...new Set(wanted.map(({ debianPackage }) => debianPackage))];
  if (packages.length > 0 && canUseApt()) {
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
      DEBIAN_FRONTEND: "noninteractive",
    });
  }
  for (const { name, debianPackage, versionFlag } of debianTools) {
    if (findTool(name)) report(name, firstLineOf(name, versionFlag));
    else lack(name, `install it with: apt-get install ${debianPackage}`);
  }
}

/** pip needs the venv module, which some Debian systems keep in a package of its own. */
function installClients() {
  if (findTool("python3") && !succeeds("python3", ["-c", "import ensurepip"]) && canUseApt()) {
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["install", "-y", "-qq", "python3-venv"], { DEBIAN_FRONTEND: "noninteractive" });
  }
  for (const language of ["node", "python", "go"]) {
    const done = run("bash", ["clients/run", language, "--setup-only"]);
    if (!done) lack(`clients/${language}`, "its setup failed");
  }
}

function canUseApt() {
  return process.getuid?.() === 0 && findTool("apt-get") !== undefined;
}

function run(command, args, extraEnvironment = {}) {
  const { status } = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...extraEnvironment },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return status === 0;
}

function succeeds(command, args) {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

function firstLineOf(name, versionFlag) {
  const { stdout } = spawnSync(findTool(name), [versionFlag], { encoding: "utf8" });
  return stdout.split("\n", 1)[0].trim();
}

function report(name, version) {
  console.log(`${name.padEnd(10)} ${version}`);
}

function lack(name, reason) {
  missing.push(name);
  console.log(`${name.padEnd(10)} missing: ${reason}`);
}

mkdirSync(binFolder, { recursive: true });
report("node", process.version);
installDebianTools();
installGoTools();
installClients();
if (missing.length > 0) {
  console.log(`not installed: ${missing.join(", ")}`);
  if (inCi) process.exitCode = 1;
}
