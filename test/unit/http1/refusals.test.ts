import { expect } from "chai";
import { Exchanges, Http1Host } from "./harness.ts";

const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/** What another server on the way could read otherwise than we do, so that a request hides in it. */
const smuggling: [string, string][] = [
  [
    "a length and a chunked body",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  [
    "a chunked body and a length",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
  ],
  ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"],
  ["a length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"],
  ["a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"],
  [
    "a folded Transfer-Encoding",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
  ],
  ["white space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  ["a bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"],
  ["a bare CR in a field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"],
  ["a bare LF after a chunk's size", `${chunked}1\nx\r\n0\r\n\r\n`],
  ["a bare LF after a chunk's data", `${chunked}1\r\nx\n0\r\n\r\n`],
  ["a bare LF after a chunk extension", `${chunked}1;a=b\nx\r\n0\r\n\r\n`],
  ["a bare LF in a quoted chunk extension", `${chunked}1;a="\n"\r\nx\r\n0\r\n\r\n`],
  ["white space after a chunk's size", `${chunked}1 \r\nx\r\n0\r\n\r\n`],
  [
    "a coding after chunked",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
  ],
  ["an unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
  ["a chunked body in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["two Host fields", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
];

const otherwiseWrong: [string, string][] = [
  ["no Host field", "GET / HTTP/1.1\r\n\r\n"],
  ["a target that is no path", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["bytes that are no HTTP at all", "\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1\u0003\u0003"],
];

describe("an HTTP/1.1 server refuses", () => {
  let host: Http1Host;
  let exchanges: Exchanges;

  beforeEach(async () => {
    exchanges = new Exchanges();
    host = await new Http1Host(exchanges.handler, { headersTimeoutMs: 60, checkIntervalMs: 20 }).listen();
  });
  afterEach(() => host.stop());

  for (const [what, bytes] of [...smuggling, ...otherwiseWrong]) {
    it(`${what} with 400, and closes the connection`, async () => {
      const answer = await host.talk(bytes);
      expect(answer).to.match(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(answer).to.match(/\r\nconnection: close\r\n/i);
      expect(answer.match(/^HTTP\/1\.1 /gm)).to.have.length(1);
    });
  }

  it("to serve what follows a refused request on the same connection", async () => {
    const smuggled = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    const answer = await host.talk(`GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${smuggled}`);
    expect(answer).to.match(/^HTTP\/1\.1 400 /);
    expect(exchanges.all).to.have.length(0);
  });

  it("a body that breaks off into nonsense: the handler is told of it", async () => {
    const answer = await host.talk(`${chunked}1\r\nx\r\nnonsense\r\n`);
    const recorder = await exchanges.get(0);
    expect(answer).to.match(/^HTTP\/1\.1 400 /);
    expect(recorder.body).to.equal("x");
    expect(recorder.aborts).to.deep.equal(["protocol-error"]);
    expect(recorder.exchange.aborted).to.equal(true);
  });

  it("too large a header section with 431", async () => {
    const answer = await host.talk(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(17 * 1024)}\r\n\r\n`);
    expect(answer).to.match(/^HTTP\/1\.1 431 /);
  });

  it("too many fields with 431, and takes as many as are allowed", async () => {
    const fields = (count: number) => "x: y\r\n".repeat(count);
    expect(await host.talk(`GET / HTTP/1.1\r\nHost: a\r\n${fields(128)}\r\n`)).to.match(/^HTTP\/1\.1 431 /);
    host.open().send(`GET / HTTP/1.1\r\nHost: a\r\n${fields(127)}\r\n`);
    expect((await exchanges.get(0)).exchange.head.fields).to.have.length(256);
  });

  it("CONNECT with 405", async () => {
    expect(await host.talk("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n")).to.match(/^HTTP\/1\.1 405 /);
  });

  it("a header section that does not come to its end with 408", async () => {
    expect(await host.talk("GET / HTTP/1.1\r\nHost: a\r\n")).to.match(/^HTTP\/1\.1 408 /);
  });

  it("more requests ahead of the answers than it allows, by closing the connection", async () => {
    expect(await host.talk("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(40))).to.equal("");
    expect(exchanges.all).to.have.length(32);
    expect(exchanges.all.map(({ aborts }) => aborts)).to.deep.equal(Array(32).fill(["refused"]));
  });
});

describe("an HTTP/1.1 server short of memory", () => {
  it("counts what handlers keep, answers 503 while too much is kept, and forgets it with the exchange", async () => {
    const budget = {
      used: 0,
      get isSpent() {
        return this.used >= 10;
      },
      add(bytes: number) {
        this.used += bytes;
      },
    };
    const exchanges = new Exchanges();
    const host = await new Http1Host(exchanges.handler, { memoryBudget: budget }).listen();
    const client = host.open();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const recorder = await exchanges.get(0);
    recorder.exchange.hold(12);
    recorder.exchange.hold(-2);
    expect(budget.used).to.equal(10);
    expect(await host.talk("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).to.match(/^HTTP\/1\.1 503 /);
    client.socket.destroy();
    await recorder.until(({ aborts }) => aborts.length > 0);
    expect(budget.used).to.equal(0);
    await host.stop();
  });
});
