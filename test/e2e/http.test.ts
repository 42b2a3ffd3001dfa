import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { expect } from "chai";
import { message } from "../support/grpc-peer.ts";
import { greeterArguments, probeArguments, ServerProcess } from "../support/server-process.ts";
import { answerOf, ask, askOn, openHttp2, ways } from "../support/web-client.ts";

const TEXT = "text/plain; charset=utf-8";

describe("a web client", () => {
  let server: ServerProcess;
  before(async () => {
    server = await ServerProcess.start(greeterArguments);
  });
  after(() => server.stop());

  for (const way of ways) {
    describe(`over ${way.version} ${way.isSecure ? "and TLS" : "in plaintext"}`, () => {
      for (const method of ["GET", "POST"]) {
        it(`is greeted when it says ${method} /`, async () => {
          const body = method === "POST" ? { body: "ignored" } : {};
          const answer = await ask(server, way, { method, ...body });
          expect(answer.status).to.equal(200);
          expect(answer.headers).to.include({ "content-type": TEXT, "content-length": "13" });
          expect(answer.body).to.equal("Hello, world!");
        });
      }

      it("is told the length alone when it says HEAD /", async () => {
        const { status, headers, body } = await ask(server, way, { method: "HEAD" });
        expect(status).to.equal(200);
        expect(headers["content-length"]).to.equal("13");
        expect(body).to.equal("");
      });

      it("is told what is here when it asks for what is not", async () => {
        const { status, headers, body } = await ask(server, way, { path: "/nothing?at=all" });
        expect([status, headers["content-type"]]).to.deep.equal([404, TEXT]);
        expect(body).to.contain("GET POST /\n").and.to.contain("gRPC /helloworld.Greeter/SayHello\n");
      });

      it("is told which methods a path takes", async () => {
        const { status, headers } = await ask(server, way, { method: "DELETE" });
        expect([status, headers["allow"]]).to.deep.equal([405, "GET, POST"]);
      });

      it("is told to speak gRPC to a method of a service", async () => {
        const request = { method: "POST", path: "/helloworld.Greeter/SayHello", body: "{}" };
        const { status, body } = await ask(server, way, {
          ...request,
          headers: { "content-type": "application/json" },
        });
        expect(status).to.equal(415);
        expect(body).to.contain("gRPC method");
      });

      it("gets a page, its name made harmless", async () => {
        const { headers, body } = await ask(server, way, { path: "/hello.html?name=%3Cscript%3E" });
        expect(headers["content-type"]).to.equal("text/html; charset=utf-8");
        expect(body).to.contain("Hello, &#60;script&#62;!");
      });
    });
  }

  it("is given HTTP/2 by ALPN, and the protocol is named", async () => {
    const session = openHttp2(server, true);
    await once(session, "connect");
    expect(session.alpnProtocol).to.equal("h2");
    session.close();
  });

  it("is pushed the style sheet of a page it asks for", async () => {
    const session = openHttp2(server, true);
    const pushes: { path: unknown; answer: ReturnType<typeof answerOf> }[] = [];
    session.on("stream", (stream: ClientHttp2Stream, headers) => {
      pushes.push({ path: headers[":path"], answer: answerOf(stream, "push") });
    });
    const { status } = await askOn(session, { path: "/hello.html" });
    expect(status).to.equal(200);
    expect(pushes.map(({ path }) => path)).to.deep.equal(["/hello.css"]);
    const style = await pushes[0].answer;
    expect(style.status).to.equal(200);
    expect(style.headers["content-type"]).to.equal("text/css; charset=utf-8");
    expect(style.body).to.contain("h1 {");
    session.close();
  });

  it("is pushed nothing when it does not allow that", async () => {
    const session = openHttp2(server, true, "localhost", false);
    session.on("stream", () => expect.fail("something was pushed"));
    await once(session, "remoteSettings");
    expect((await askOn(session, { path: "/hello.html" })).status).to.equal(200);
    // A push would have come ahead of this answer.
    expect((await askOn(session)).status).to.equal(200);
    session.close();
  });

  it("gets two hundred answers at once on one connection", async () => {
    const session = openHttp2(server, false);
    const answers = await Promise.all(Array.from({ length: 200 }, () => askOn(session)));
    expect(new Set(answers.map(({ body }) => body))).to.deep.equal(new Set(["Hello, world!"]));
    session.close();
  });

  it("gets answers in order on an HTTP/1.1 connection that it keeps", async () => {
    const { Agent, get } = await import("node:http");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number>();
    for (let i = 0; i < 3; i++) {
      const [response] = await once(get({ port: server.port, agent }), "response");
      ports.add(response.socket.localPort);
      response.resume();
      await once(response, "end");
    }
    agent.destroy();
    expect(ports.size).to.equal(1);
  });
});

describe("a gRPC call made by hand with Node's HTTP/2 client", () => {
  let server: ServerProcess;
  before(async () => {
    server = await ServerProcess.start(probeArguments);
  });
  after(() => server.stop());

  const grpc = { "content-type": "application/grpc", te: "trailers" };
  /** A `Text` of less than 128 bytes. */
  const text = (value: string) => message(`\x0a${String.fromCharCode(value.length)}${value}`);

  it("is ended by the server at its deadline, though the client goes on waiting", async () => {
    const session = openHttp2(server, false);
    const headers = { ...grpc, "grpc-timeout": "50m" };
    const { headers: head } = await askOn(session, {
      method: "POST",
      path: "/test.Probe/Wait",
      headers,
      body: text("deadline"),
    });
    const abort = await askOn(session, {
      method: "POST",
      path: "/test.Probe/AbortOf",
      headers: grpc,
      body: text("deadline"),
    });
    expect(head).to.include({ "grpc-status": "4" });
    expect(abort.body).to.contain("4");
    session.close();
  });

  it("is aborted in the handler when the connection is lost", async () => {
    const [lost, kept] = [openHttp2(server, false), openHttp2(server, false)];
    const waiting = lost.request({ ":method": "POST", ":path": "/test.Probe/Wait", ...grpc });
    waiting.on("error", () => {});
    waiting.end(text("lost"));
    // Answered behind the call that waits, on the same connection.
    await askOn(lost, { method: "POST", path: "/test.Probe/Echo", headers: grpc, body: text("") });
    lost.destroy();
    const abort = await askOn(kept, {
      method: "POST",
      path: "/test.Probe/AbortOf",
      headers: grpc,
      body: text("lost"),
    });
    expect(abort.body).to.contain("1");
    kept.close();
  });

  it("does not wait for another call on its connection", async () => {
    const session = openHttp2(server, true);
    const chat = session.request({ ":method": "POST", ":path": "/test.Probe/Chat", ...grpc });
    chat.write(text("one"));
    await once(chat, "data");
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => {
        return askOn(session, {
          method: "POST",
          path: "/test.Probe/Echo",
          headers: grpc,
          body: text(`echo ${i}`),
        });
      }),
    );
    for (const [i, { body, trailers }] of answers.entries()) {
      expect(body).to.contain(`echo ${i}`);
      expect(trailers).to.include({ "grpc-status": "0" });
    }
    chat.end(text("two"));
    const [last] = await once(chat, "data");
    expect(String(last)).to.contain("two");
    session.close();
  });
});
