import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { expect } from "chai";
import { FieldSection } from "../../../src/exchange.ts";
import { Http1Server } from "../../../src/http1/server.ts";
import { developmentCertificate } from "../../../src/transport/dev-certificate.ts";
import { Exchanges, Http1Host, peerOf, RawClient } from "./harness.ts";

const ok = new FieldSection(200, []);

describe("an HTTP/1.1 server that closes", () => {
  let host: Http1Host;
  let exchanges: Exchanges;

  beforeEach(async () => {
    exchanges = new Exchanges();
    host = await new Http1Host(exchanges.handler).listen();
  });
  afterEach(() => host.stop());

  it("closes idle connections at once", async () => {
    const client = host.open();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    (await exchanges.get(0)).exchange.respondAndEnd(ok);
    await client.until("\r\n\r\n");
    await host.server.close(60_000);
    await client.untilClosed();
    expect(host.server.openConnections).to.equal(0);
  });

  it("lets an open exchange finish, and says that its connection closes", async () => {
    const client = host.open();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const { exchange } = await exchanges.get(0);
    const closed = host.server.close(60_000);
    exchange.respondAndEnd(ok);
    expect(await client.untilClosed()).to.match(/^HTTP\/1\.1 200 OK\r\n(.*\r\n)*connection: close\r\n/i);
    await closed;
  });

  it("closes the connection of an answer that had begun before", async () => {
    const client = host.open();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const { exchange } = await exchanges.get(0);
    exchange.respond(ok);
    await client.until("\r\n\r\n");
    const closed = host.server.close(60_000);
    exchange.write(Buffer.from("bye"));
    exchange.end();
    expect(await client.untilClosed()).to.match(/bye\r\n0\r\n\r\n$/);
    await closed;
  });

  it("destroys what is left after the grace, and a second call can shorten it", async () => {
    host.open().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const recorder = await exchanges.get(0);
    const patient = host.server.close(60_000);
    await host.server.close(0);
    await patient;
    expect(recorder.aborts).to.deep.equal(["refused"]);
  });

  it("settles at once when it has no connection", async () => {
    await host.server.close(60_000);
    expect(host.server.openConnections).to.equal(0);
  });

  it("can close idle connections only, and goes on serving", async () => {
    const idle = host.open();
    idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    (await exchanges.get(0)).exchange.respondAndEnd(ok);
    await idle.until("\r\n\r\n");
    const busy = host.open();
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const { exchange } = await exchanges.get(1);
    host.server.closeIdle();
    await idle.untilClosed();
    exchange.respondAndEnd(ok);
    expect(await busy.until("\r\n\r\n")).to.match(/connection: keep-alive/i);
  });

  it("lets a connection without requests go after the keep-alive time", async () => {
    const hasty = await new Http1Host(exchanges.handler, { keepAliveTimeoutMs: 20 }).listen();
    const client = new RawClient(connect(hasty.port, "127.0.0.1"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    (await exchanges.get(0)).exchange.respondAndEnd(ok);
    await client.untilClosed();
    await hasty.stop();
  });
});

describe("an HTTP/1.1 server on a TLS socket", () => {
  it("serves https, and says so in the scheme", async () => {
    const directory = mkdtempSync(join(tmpdir(), "yodel-http1-"));
    const { certPath, keyPath, caPath } = await developmentCertificate({ directory });
    const exchanges = new Exchanges();
    const server = new Http1Server(exchanges.handler);
    const listener = createServer({ cert: readFileSync(certPath), key: readFileSync(keyPath) });
    listener.on("secureConnection", (socket: TLSSocket) => {
      const facts = {
        version: "TLSv1.3",
        cipher: "",
        serverName: undefined,
        authorized: false,
        peerCertificate: undefined,
      };
      server.accept(socket, { ...peerOf(socket), tls: facts });
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const outgoing = get({ host: "localhost", port, family: 4, ca: readFileSync(caPath), agent: false });
    const { exchange } = await exchanges.get(0);
    expect(exchange.head.scheme).to.equal("https");
    exchange.respondAndEnd(ok);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    expect(answer.statusCode).to.equal(200);
    answer.resume();
    listener.close();
    await server.close(0);
    rmSync(directory, { recursive: true });
  });
});
