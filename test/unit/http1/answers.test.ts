import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { expect } from "chai";
import { type Exchange, FieldSection } from "../../../src/exchange.ts";
import { Exchanges, Http1Host, type Recorder } from "./harness.ts";

const plain = new FieldSection(200, ["content-type", "text/plain"]);
const bytes = (text: string) => Buffer.from(text);

/** Node's own client: somebody else's reading of HTTP/1.1. */
async function fetchWith(
  host: Http1Host,
  options: { method?: string; headers?: Record<string, string>; agent?: Agent },
) {
  const outgoing = request(host.url, options).end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  let body = "";
  for await (const piece of answer.setEncoding("utf8")) body += piece;
  return { status: answer.statusCode, headers: answer.headers, trailers: answer.trailers, body };
}

describe("an answer over HTTP/1.1", () => {
  let host: Http1Host;

  async function serve(handler: (exchange: Exchange) => void): Promise<void> {
    host = await new Http1Host(handler).listen();
  }
  afterEach(() => host.stop());

  it("is chunked when no length is given", async () => {
    await serve((exchange) => {
      exchange.respond(plain);
      exchange.write(bytes("he"), bytes("llo"));
      exchange.end();
    });
    const { status, headers, body } = await fetchWith(host, {});
    expect(status).to.equal(200);
    expect(headers["transfer-encoding"]).to.equal("chunked");
    expect(headers["content-type"]).to.equal("text/plain");
    expect(body).to.equal("hello");
  });

  it("carries the length it was given", async () => {
    await serve((exchange) => {
      exchange.respond(new FieldSection(200, ["content-length", "5"]));
      exchange.write(bytes("hello"));
      exchange.end();
    });
    const { headers, body } = await fetchWith(host, {});
    expect(headers).to.include({ "content-length": "5" }).and.not.have.property("transfer-encoding");
    expect(body).to.equal("hello");
  });

  it("without a body says so", async () => {
    await serve((exchange) => exchange.respondAndEnd(new FieldSection(404, [])));
    const { status, headers, body } = await fetchWith(host, {});
    expect(status).to.equal(404);
    expect(headers["content-length"]).to.equal("0");
    expect(body).to.equal("");
  });

  it("to HEAD has the length of the body but not the body", async () => {
    await serve((exchange) => {
      exchange.respond(new FieldSection(200, ["content-length", "5"]));
      exchange.write(bytes("hello"));
      exchange.end();
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = await fetchWith(host, { method: "HEAD", agent });
    expect(first.headers["content-length"]).to.equal("5");
    expect(first.body).to.equal("");
    // The connection is still in step.
    expect((await fetchWith(host, { agent })).body).to.equal("hello");
    agent.destroy();
  });

  it("with status 204 has no length and no body", async () => {
    await serve((exchange) => exchange.respondAndEnd(new FieldSection(204, [])));
    const { headers } = await fetchWith(host, {});
    expect(headers).to.not.have.any.keys("content-length", "transfer-encoding");
  });

  it("repeats a field that was given twice", async () => {
    await serve((exchange) =>
      exchange.respondAndEnd(new FieldSection(200, ["set-cookie", "a", "set-cookie", "b"])),
    );
    expect((await fetchWith(host, {})).headers["set-cookie"]).to.deep.equal(["a", "b"]);
  });

  it("carries trailers to a client that takes them, and only to it", async () => {
    await serve((exchange) => {
      exchange.respond(plain);
      exchange.write(bytes("x"));
      exchange.end(new FieldSection(0, ["x-sum", "1"]));
    });
    const taking = await fetchWith(host, { headers: { te: "trailers" } });
    expect(taking.trailers).to.deep.equal({ "x-sum": "1" });
    const other = await fetchWith(host, {});
    expect(other.trailers).to.deep.equal({});
    expect(other.body).to.equal("x");
  });

  it("goes out with its head before there is a body", async () => {
    await serve((exchange) => exchange.respond(plain));
    const client = host.open();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.until("\r\n\r\n")).to.match(/^HTTP\/1\.1 200 OK\r\ncontent-type: text\/plain\r\n/);
  });

  it("ignores what is written after its end", async () => {
    await serve((exchange) => {
      exchange.respondAndEnd(new FieldSection(200, []));
      exchange.respond(plain);
      expect(exchange.write(bytes("late"))).to.equal(true);
      exchange.end();
      exchange.respondAndEnd(plain);
    });
    expect((await fetchWith(host, {})).body).to.equal("");
  });

  it("keeps the order of requests that were sent ahead", async () => {
    const exchanges = new Exchanges();
    await serve(exchanges.handler);
    const client = host.open();
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const second = await exchanges.get(1);
    second.exchange.respondAndEnd(new FieldSection(202, []));
    exchanges.all[0].exchange.respondAndEnd(new FieldSection(201, []));
    expect((await client.untilClosed()).match(/ 20\d /g)).to.deep.equal([" 201 ", " 202 "]);
  });

  it("cannot push", async () => {
    await serve((exchange) => {
      expect(exchange.push("/style.css")).to.equal(false);
      exchange.respondAndEnd(plain);
    });
    expect((await fetchWith(host, {})).status).to.equal(200);
  });
});

describe("an HTTP/1.1 exchange", () => {
  let host: Http1Host;
  let exchanges: Exchanges;

  beforeEach(async () => {
    exchanges = new Exchanges();
    host = await new Http1Host(exchanges.handler, { responseStallMs: 50 }).listen();
  });
  afterEach(() => host.stop());

  it("makes its writer wait for a slow reader, and tells when it may go on", async () => {
    const patient = await new Http1Host(exchanges.handler).listen();
    const client = patient.open();
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const recorder = await exchanges.get(0);
    recorder.exchange.respond(plain);
    const piece = Buffer.alloc(1 << 20, "x");
    while (recorder.exchange.write(piece));
    expect(recorder.exchange.bufferedBytes).to.be.greaterThan(0);
    client.socket.resume();
    await recorder.until(({ drains }) => drains === 1);
    recorder.exchange.end();
    await client.until("\r\n0\r\n\r\n");
    expect(recorder.aborts).to.deep.equal([]);
    await patient.stop();
  });

  it("is given up when its reader takes nothing for too long", async () => {
    const client = host.open();
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const recorder = await exchanges.get(0);
    recorder.exchange.respond(plain);
    // More than the kernel's buffers of both sides hold.
    recorder.exchange.write(Buffer.alloc(32 << 20));
    await recorder.until(({ aborts }) => aborts.length === 1);
    expect(recorder.aborts).to.deep.equal(["refused"]);
  });

  it("tells once that its client has gone", async () => {
    const client = host.open();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    const recorder = await exchanges.get(0);
    await recorder.until(({ body }) => body === "half");
    client.socket.resetAndDestroy();
    await recorder.until(({ aborts }) => aborts.length > 0);
    expect(recorder.aborts).to.deep.equal(["connection-lost"]);
    expect(recorder.exchange.aborted).to.equal(true);
    expect(recorder.exchange.write(bytes("nobody hears"))).to.equal(true);
  });

  it("tells every exchange of a lost connection, those whose answer waits for an earlier one too", async () => {
    const client = host.open();
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    const second = await exchanges.get(1);
    second.exchange.respondAndEnd(plain);
    client.socket.destroy();
    await second.until(({ aborts }) => aborts.length > 0);
    expect(exchanges.all.map(({ aborts }) => aborts)).to.deep.equal([
      ["connection-lost"],
      ["connection-lost"],
    ]);
  });

  it("says nothing of an abort after a complete answer", async () => {
    const client = host.open();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const recorder = await exchanges.get(0);
    recorder.exchange.respondAndEnd(plain);
    await client.untilClosed();
    expect(recorder.aborts).to.deep.equal([]);
    expect(recorder.exchange.aborted).to.equal(false);
  });

  it("closes its connection when the server gives it up, and does not call back", async () => {
    const client = host.open();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const recorder = await exchanges.get(0);
    recorder.exchange.abort("internal");
    recorder.exchange.abort("internal");
    expect(await client.untilClosed()).to.equal("");
    expect(recorder.aborts).to.deep.equal([]);
    expect(recorder.exchange.aborted).to.equal(true);
  });

  it("has a receiver that sees every byte that node's client uploads", async () => {
    const outgoing = request(host.url, { method: "PUT" });
    const upload = Buffer.alloc(300_000, "u");
    outgoing.end(upload);
    const recorder: Recorder = await exchanges.get(0);
    await recorder.until(({ trailers }) => trailers !== null);
    expect(recorder.body.length).to.equal(upload.length);
    recorder.exchange.respondAndEnd(plain);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    expect(answer.statusCode).to.equal(200);
    answer.resume();
  });
});
