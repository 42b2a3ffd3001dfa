import { once } from "node:events";
import { expect } from "chai";
import { GrpcClient } from "../support/grpc-client.ts";
import { greeterArguments, probeArguments, ServerProcess } from "../support/server-process.ts";
import { ask, openHttp2 } from "../support/web-client.ts";

describe("a server that is told to stop", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`ends with code 0 on ${signal} when nothing runs`, async () => {
      const server = await ServerProcess.start(greeterArguments);
      server.signal(signal);
      const { code, stdout, stderr } = await server.exit;
      expect([code, stderr]).to.deep.equal([0, ""]);
      expect(stdout).to.contain(`${signal}: no new connections`).and.to.contain("stopped after");
    });
  }

  it("lets a running call finish that goes on in both ways, and takes no new connection", async () => {
    const server = await ServerProcess.start(probeArguments);
    const { port } = server;
    const client = GrpcClient.overTls("Probe", server);
    const chat = client.bidi("Chat");
    chat.write({ text: "before" });
    expect((await once(chat, "data"))[0]).to.deep.equal({ text: "before" });

    server.signal("SIGTERM");
    await server.output(/draining: 1 call, 1 connection/);
    chat.write({ text: "after" });
    expect((await once(chat, "data"))[0]).to.deep.equal({ text: "after" });
    const refused = await ask({ port } as ServerProcess, { version: "HTTP/1.1", isSecure: false }).catch(
      (error) => error,
    );
    expect(refused).to.include({ code: "ECONNREFUSED" });
    expect(server.isRunning).to.equal(true);

    chat.end();
    chat.resume();
    expect((await once(chat, "status"))[0].code).to.equal(0);
    expect((await server.exit).code).to.equal(0);
    client.close();
  });

  it("says GOAWAY twice to an HTTP/2 client: first without a last stream, then with one", async () => {
    const server = await ServerProcess.start(probeArguments);
    const session = openHttp2(server, true);
    const goAways: [code: number, last: number, data: string][] = [];
    session.on("goaway", (code, last, data) => goAways.push([code, last, String(data)]));
    const stream = session.request({
      ":method": "POST",
      ":path": "/test.Probe/Chat",
      "content-type": "application/grpc",
    });
    await once(session, "remoteSettings");
    const answered = once(stream, "response");
    stream.write(Buffer.from([0, 0, 0, 0, 0]));
    await answered;
    server.signal("SIGTERM");
    await once(session, "goaway");
    await once(session, "goaway");
    stream.end();
    stream.resume();
    await once(stream, "close");
    expect((await server.exit).code).to.equal(0);
    session.destroy();
    expect(goAways).to.deep.equal([
      [0, 2 ** 31 - 1, "graceful_stop"],
      [0, 1, "graceful_stop"],
    ]);
  });

  it("cuts what still runs after the grace", async () => {
    const server = await ServerProcess.start([...probeArguments, "--grace-period", "200ms"]);
    const client = GrpcClient.overTls("Probe", server);
    const call = client.start("Wait", { text: "for ever" });
    await client.unary("Echo", { text: "" });
    server.signal("SIGTERM");
    expect((await call.outcome).error?.code).to.equal(14);
    expect((await server.exit).code).to.equal(0);
    client.close();
  });

  it("ends at once when it is told a second time", async () => {
    const server = await ServerProcess.start(probeArguments);
    const client = GrpcClient.overTls("Probe", server);
    const call = client.start("Wait", { text: "for ever" });
    await client.unary("Echo", { text: "" });
    server.signal("SIGTERM");
    await server.output(/draining/);
    server.signal("SIGTERM");
    const { code, stdout } = await server.exit;
    expect(code).to.equal(0);
    expect(stdout).to.contain("SIGTERM again: ending at once");
    expect((await call.outcome).error).to.be.instanceOf(Error);
    client.close();
  });

  it("does not wait for a client that keeps an idle connection", async () => {
    const server = await ServerProcess.start(greeterArguments);
    const { Agent, get } = await import("node:http");
    const agent = new Agent({ keepAlive: true });
    const [response] = await once(get({ port: server.port, agent }), "response");
    response.resume();
    await once(response, "end");
    const session = openHttp2(server, false);
    await once(session, "remoteSettings");
    server.signal("SIGTERM");
    expect((await server.exit).code).to.equal(0);
    agent.destroy();
    session.destroy();
  });
});
