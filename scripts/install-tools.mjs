// Installs the foreign tools that test:conformance and bench use, all pinned, into the git-ignored .tools/:
//
//   node scripts/install-tools.mjs
//
// Go tools and the example clients land in .tools/; nghttp2's tools, chromium and the clients' toolchains come from the
// Debian packages when this runs as root. What cannot be installed is said and left out; with CI=true that is a failure. Run again at any time:
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

// A tool is there when its probe succeeds, which prints its version; without a probe, `NAME --version` is asked.
const debianTools = [
  { name: "nghttp", debianPackage: "nghttp2-client" },
  { name: "h2load", debianPackage: "nghttp2-client" },
  { name: "nghttpd", debianPackage: "nghttp2-server" },
  { name: "chromium", debianPackage: "chromium" },
  { name: "curl", debianPackage: "curl" },
  // The toolchains of the clients in Java, Rust, C++ and Ruby. Cargo comes from elsewhere: Debian's is too old for tonic.
  { name: "javac", debianPackage: "default-jdk-headless" },
  { name: "mvn", debianPackage: "maven", probe: ["mvn", "-Dstyle.color=never", "--version"] },
  { name: "make", debianPackage: "make" },
  { name: "g++", debianPackage: "g++" },
  { name: "pkg-config", debianPackage: "pkg-config" },
  { name: "protoc", debianPackage: "protobuf-compiler" },
  { name: "protoc's gRPC", debianPackage: "protobuf-compiler-grpc", probe: ["which", "grpc_cpp_plugin"] },
  { name: "libgrpc++", debianPackage: "libgrpc++-dev", probe: ["pkg-config", "--modversion", "grpc++"] },
  {
    name: "ruby grpc",
    debianPackage: "ruby-grpc",
    probe: ["ruby", "-e", 'require "grpc"; puts GRPC::VERSION'],
  },
  { name: "ruby protoc", debianPackage: "ruby-grpc-tools", probe: ["which", "grpc_tools_ruby_protoc"] },
];

const clientLanguages = ["node", "python", "go", "java", "rust", "cpp", "ruby"];

const nameWidth = 20;
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
  const wanted = debianTools.filter((tool) => versionOf(tool) === undefined);
  const packages = [...new Set(wanted.map(({ debianPackage }) => debianPackage))];
  if (packages.length > 0 && canUseApt()) {
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
      DEBIAN_FRONTEND: "noninteractive",
    });
  }
  for (const tool of debianTools) {
    const version = versionOf(tool);
    if (version !== undefined) report(tool.name, version);
    else lack(tool.name, `install it with: apt-get install ${tool.debianPackage}`);
  }
}

/** pip needs the venv module, which some Debian systems keep in a package of its own. */
function installClients() {
  if (findTool("python3") && !succeeds("python3", ["-c", "import ensurepip"]) && canUseApt()) {
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["install", "-y", "-qq", "python3-venv"], { DEBIAN_FRONTEND: "noninteractive" });
  }
  for (const language of clientLanguages) {
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

/** The first line that a tool's probe prints; undefined when the tool is not there. */
function versionOf({ name, probe = [name, "--version"] }) {
  const [command, ...args] = probe;
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8" });
  return status === 0 ? stdout.split("\n", 1)[0].trim() : undefined;
}

function report(name, version) {
  console.log(`${name.padEnd(nameWidth)} ${version}`);
}

function lack(name, reason) {
  missing.push(name);
  console.log(`${name.padEnd(nameWidth)} missing: ${reason}`);
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
