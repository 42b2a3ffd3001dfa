import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect } from "chai";
import { FieldSection } from "../../../src/exchange.ts";
import { Http1Server } from "../../../src/http1/server.ts";
import { Exchanges, Http1Host, peerOf, RawClient } from "./harness.ts";

const noContent = new FieldSection(204, []);

describe("a request over HTTP/1.1", () => {
  let host: Http1Host;
  let exchanges: Exchanges;

  beforeEach(async () => {
    exchanges = new Exchanges();
    host = await new Http1Host(exchanges.handler).listen();
  });
  afterEach(() => host.stop());

  it("arrives with its method, path, authority, scheme and lower-case fields in their order", async () => {
    host
      .open()
      .send("GET /a/b?c=d HTTP/1.1\r\nHost: example.test\r\nX-One: 1\r\nAccept: */*\r\nX-One: 2\r\n\r\n");
    const { head, httpVersion, peer } = (await exchanges.get(0)).exchange;
    expect(head).to.include({ method: "GET", path: "/a/b?c=d", authority: "example.test", scheme: "http" });
    expect(head.fields).to.deep.equal(["host", "example.test", "x-one", "1", "accept", "*/*", "x-one", "2"]);
    expect(httpVersion).to.equal("1.1");
    expect(peer.address).to.equal("127.0.0.1");
  });

  it("is whole at once when it has no body", async () => {
    host.open().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const recorder = await exchanges.get(0);
    expect(recorder.exchange.requestEnded).to.equal(true);
    await recorder.until(({ trailers }) => trailers !== null);
    expect(recorder.body).to.equal("");
  });

  it("hands out its body piece by piece, then its trailers", async () => {
    const client = host.open();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    const recorder = await exchanges.get(0);
    await recorder.until(({ body }) => body === "abc");
    expect(recorder.exchange.requestEnded).to.equal(false);
    client.send("2;name=value\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n");
    await recorder.until(({ trailers }) => trailers !== null);
    expect(recorder.body).to.equal("abcde");
    expect(recorder.trailers).to.deep.equal(["x-sum", "5"]);
    expect(recorder.exchange.requestEnded).to.equal(true);
  });

  it("is read when it arrives one byte at a time", async () => {
    const client = host.open();
    client.socket.setNoDelay(true);
    for (const byte of "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi") client.send(byte);
    const recorder = await exchanges.get(0);
    await recorder.until(({ trailers }) => trailers !== null);
    expect(recorder.body).to.equal("hi");
  });

  it("holds its body and its end back while it is paused", async () => {
    const pausing = await new Http1Host((exchange) => {
      exchanges.handler(exchange);
      exchange.pause();
    }).listen();
    const client = pausing.open();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    const recorder = await exchanges.get(0);
    // Another exchange goes all the way round the event loop meanwhile.
    host.open().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await (await exchanges.get(1)).until(({ trailers }) => trailers !== null);
    expect(recorder.body).to.equal("");
    expect(recorder.trailers).to.equal(null);
    recorder.exchange.resume();
    await recorder.until(({ trailers }) => trailers !== null);
    expect(recorder.body).to.equal("hi");
    await pausing.stop();
  });

  it("keeps its end back when it is paused by its last piece", async () => {
    const client = host.open();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    const recorder = await exchanges.get(0);
    const arrived = new Promise<void>((resolve) => {
      recorder.onData = () => {
        recorder.exchange.pause();
        setImmediate(() => setImmediate(resolve));
      };
    });
    client.send("hi");
    await arrived;
    expect(recorder.trailers).to.equal(null);
    recorder.exchange.resume();
    await recorder.until(({ trailers }) => trailers !== null);
  });

  it("may name its target by a whole URL, whose authority counts", async () => {
    host.open().send("GET http://b.test?x HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await exchanges.get(0)).exchange.head).to.include({ authority: "b.test", path: "/?x" });
  });

  it("may ask about the server as a whole", async () => {
    host.open().send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await exchanges.get(0)).exchange.head).to.include({ method: "OPTIONS", path: "*" });
  });

  it("that asks for an upgrade to HTTP/2 is answered as HTTP/1.1, and the layers above see nothing of it", async () => {
    const client = host.open();
    client.send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n",
    );
    const { exchange } = await exchanges.get(0);
    expect(exchange.head.fields).to.deep.equal(["host", "a"]);
    exchange.respondAndEnd(noContent);
    expect(await client.until("\r\n\r\n")).to.match(/^HTTP\/1\.1 204 /);
  });

  it("is told to go on when it expects 100-continue", async () => {
    const client = host.open();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    expect(await client.until("\r\n\r\n")).to.equal("HTTP/1.1 100 Continue\r\n\r\n");
  });

  it("is read from bytes that were put back into the socket", async () => {
    const server = new Http1Server(exchanges.handler);
    const listener = createServer((socket) => {
      socket.once("data", (bytes) => {
        socket.pause();
        socket.unshift(bytes);
        server.accept(socket, peerOf(socket));
        socket.resume();
      });
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const client = new RawClient(connect((listener.address() as AddressInfo).port, "127.0.0.1"));
    client.send("POST /sniffed HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    const recorder = await exchanges.get(0);
    client.send("cd");
    await recorder.until(({ trailers }) => trailers !== null);
    expect(recorder.body).to.equal("abcd");
    listener.close();
    await server.close(0);
  });
});
