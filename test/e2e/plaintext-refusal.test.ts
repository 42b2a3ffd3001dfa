import { networkInterfaces } from "node:os";
import { expect } from "chai";
import { GrpcClient } from "../support/grpc-client.ts";
import { greeterArguments, ServerProcess } from "../support/server-process.ts";
import { ask, ways } from "../support/web-client.ts";

/** An address of this machine that others reach as well; none on a machine without a network. */
const ownAddresses = Object.values(networkInterfaces())
  .flat()
  .filter((address) => address?.family === "IPv4" && !address.internal)
  .map((address) => address?.address as string)
  .slice(0, 1);

const plaintextWays = ways.filter(({ isSecure }) => !isSecure);

describe("a server that takes plaintext from its own machine only", () => {
  let server: ServerProcess;
  before(async () => {
    server = await ServerProcess.start(greeterArguments, "0.0.0.0:0");
  });
  after(() => server.stop());

  for (const way of plaintextWays) {
    it(`answers ${way.version} on a loopback address`, async () => {
      expect((await ask(server, way, { host: "127.0.0.1" })).status).to.equal(200);
    });

    for (const host of ownAddresses) {
      it(`tells ${way.version} on another address what to do instead`, async () => {
        const { status, headers, body } = await ask(server, way, { host });
        expect([status, headers["content-type"]]).to.deep.equal([403, "text/plain; charset=utf-8"]);
        expect(body).to.contain("This port wants TLS").and.to.contain("--plaintext always");
      });
    }
  }
});

describe("a server that takes no plaintext", () => {
  let server: ServerProcess;
  before(async () => {
    server = await ServerProcess.start([...greeterArguments, "--plaintext", "never"]);
  });
  after(() => server.stop());

  for (const way of plaintextWays) {
    for (const method of ["GET", "POST"]) {
      it(`tells ${way.version} that says ${method} what to do instead`, async () => {
        const body = method === "POST" ? { body: "a body" } : {};
        const answer = await ask(server, way, { method, ...body });
        expect(answer.status).to.equal(403);
        expect(answer.body).to.contain("This port wants TLS").and.to.contain("--plaintext always");
      });
    }
  }

  it("tells a gRPC client in its status", async () => {
    const client = GrpcClient.overPlaintext("Greeter", server);
    const { error } = await client.unary("SayHello", { name: "you" });
    client.close();
    expect(error?.code).to.equal(7);
    expect(error?.details).to.contain("This port wants TLS");
  });

  it("serves TLS", async () => {
    for (const version of ["HTTP/1.1", "HTTP/2"] as const) {
      expect((await ask(server, { version, isSecure: true })).status).to.equal(200);
    }
  });
});

describe("a server that takes plaintext from everybody", () => {
  for (const host of ownAddresses) {
    it("answers on every address", async () => {
      const server = await ServerProcess.start([...greeterArguments, "--plaintext"], "0.0.0.0:0");
      for (const way of plaintextWays) expect((await ask(server, way, { host })).status).to.equal(200);
      await server.stop();
    });
  }
});
