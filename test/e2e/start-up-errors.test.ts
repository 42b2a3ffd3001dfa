import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { greeterArguments, probeArguments, ServerProcess } from "../support/server-process.ts";

const indexUrl = pathToFileURL(join(import.meta.dirname, "../../dist/index.js")).href;

describe("a server that cannot start", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "yodel-mistakes-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Writes a file of a folder of its own, and returns the folder. */
  function folderWith(name: string, content: string): string {
    const own = mkdtempSync(join(folder, "case-"));
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, name), content);
    return own;
  }

  async function expectMistake(
    code: number,
    parameters: readonly string[],
    ...wanted: string[]
  ): Promise<void> {
    const exit = await ServerProcess.run(["--listen", "127.0.0.1:0", "--log-format", "json", ...parameters]);
    expect(exit.code, exit.stderr).to.equal(code);
    for (const part of wanted) expect(exit.stderr).to.contain(part);
    expect(exit.stderr, "a stack trace").to.not.match(/^\s+at /m);
    expect(exit.stdout).to.not.contain("listening on");
  }

  it("names an unknown flag and the one that was meant", () =>
    expectMistake(2, ["--plaintxt"], "--plaintxt", "--plaintext"));

  it("names a value that a flag cannot have", () =>
    expectMistake(2, ["--grace-period", "soon"], "--grace-period", "soon"));

  it("shows the place of a mistake in a .proto file", () => {
    const proto = folderWith(
      "bad.proto",
      'syntax = "proto3";\npackage bad;\n\nmessage Broken {\n  string name 1;\n}\n',
    );
    return expectMistake(3, ["--proto", proto], "bad.proto:5:", "string name 1;");
  });

  it("names a folder of .proto files that is not there", () =>
    expectMistake(3, ["--proto", join(folder, "nowhere")], "nowhere"));

  function serviceWith(handlers: string): string {
    const code = `import { implement } from ${JSON.stringify(indexUrl)};\nexport const greeter = implement("helloworld.Greeter", ${handlers});\n`;
    return folderWith("greeter.mjs", code);
  }
  const rest = "async *sayHelloStreamReply() {}, async *sayHelloBidiStream() {}";

  it("names a method without a handler", () => {
    const services = serviceWith(`{ sayHello() {}, ${rest} }`);
    return expectMistake(3, [...greeterArguments, "--services", services], "sayHelloToAll");
  });

  it("names a misspelt handler and the method that was meant", () => {
    const services = serviceWith(`{ sayHelo() {}, sayHelloToAll() {}, ${rest} }`);
    return expectMistake(3, [...greeterArguments, "--services", services], "sayHelo", "sayHello");
  });

  it("names a service that no .proto file defines", () => {
    const services = folderWith(
      "other.mjs",
      `import { implement } from ${JSON.stringify(indexUrl)};\nexport const x = implement("helloworld.Greter", {});\n`,
    );
    return expectMistake(
      3,
      [...greeterArguments, "--services", services],
      "helloworld.Greter",
      "helloworld.Greeter",
    );
  });

  it("names a module that cannot be loaded", () => {
    const services = folderWith("broken.mjs", "export const = 1;\n");
    return expectMistake(3, [...greeterArguments, "--services", services], "broken.mjs");
  });

  it("names two services that claim the same methods", () => {
    const code = `import { implement } from ${JSON.stringify(indexUrl)};\nconst handlers = { sayHello() {}, sayHelloToAll() {}, ${rest} };\nexport const one = implement("helloworld.Greeter", handlers);\nexport const two = implement("helloworld.Greeter", handlers);\n`;
    return expectMistake(
      3,
      [...greeterArguments, "--services", folderWith("twice.mjs", code)],
      "helloworld.Greeter",
    );
  });

  it("names a port that is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expectMistake(
      3,
      [...greeterArguments, "--listen", `127.0.0.1:${port}`],
      `Port ${port} on 127.0.0.1 is in use`,
    );
    other.close();
  });

  it("names an address that this machine does not have", () =>
    expectMistake(3, [...greeterArguments, "--listen", "192.0.2.1:0"], "192.0.2.1"));

  it("names a certificate and a key that do not belong together", async () => {
    const server = await ServerProcess.start(probeArguments);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = join(
      folderWith("other-key.pem", privateKey.export({ type: "pkcs8", format: "pem" }).toString()),
      "other-key.pem",
    );
    const cert = join(server.folder, ".yodel", "dev-cert.pem");
    await expectMistake(
      3,
      [...greeterArguments, "--tls-cert", cert, "--tls-key", key],
      "other-key.pem",
      "does not belong",
      "dev-cert.pem",
    );
    await server.stop();
  });
});

describe("a server that is only asked something", () => {
  for (const [flag, wanted] of [
    ["--help", /--listen/],
    ["--version", /^\d+\.\d+\.\d+\n$/],
    ["--print-config", /listen/],
  ] as const) {
    it(`answers ${flag} and ends with code 0`, async () => {
      const { code, stdout, stderr } = await ServerProcess.run([flag]);
      expect([code, stderr]).to.deep.equal([0, ""]);
      expect(stdout).to.match(wanted);
    });
  }
});
