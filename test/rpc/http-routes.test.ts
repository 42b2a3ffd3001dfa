import { expect } from "chai";
import {
  type HttpRequest,
  type HttpResponse,
  isRoute,
  type RouteHandler,
  route,
} from "../../src/rpc/route.ts";
import { data, requestFields, rstStream } from "../support/frames.ts";
import { GrpcPeer } from "../support/grpc-peer.ts";
import { textMethod } from "../support/test-host.ts";

function serve(handler: RouteHandler, methods = "GET POST"): GrpcPeer {
  const peer = new GrpcPeer([textMethod("unary", () => "")]);
  peer.host.routes.push(route(methods, "/here", handler));
  return peer;
}

async function ask(peer: GrpcPeer, method = "GET", path = "/here") {
  return peer.answer(peer.openWith(requestFields(path, [], method), true));
}

describe("an HTTP route", () => {
  it("answers with text, status and fields", async () => {
    const peer = serve(() => ({ status: 201, headers: { "X-Field": "1" }, body: "é" }));
    const { headers, body } = await ask(peer);
    expect(headers).to.deep.equal({ ":status": "201", "x-field": "1", "content-length": "2" });
    expect(body).to.equal("é");
  });

  it("is told the path, the query, the fields and the body", async () => {
    const seen: unknown[] = [];
    const peer = serve(({ method, path, query, header, body, authority }: HttpRequest) => {
      seen.push(method, path, query.get("a"), header("X-One"), Buffer.from(body).toString(), authority);
      return {};
    });
    const streamId = peer.openWith(requestFields("/here?a=b%20c", ["x-one", "1"]));
    peer.send(streamId, Buffer.from("bo")).sendLast(streamId, Buffer.from("dy"));
    const { headers } = await peer.answer(streamId);
    expect(headers).to.deep.equal({ ":status": "200", "content-length": "0" });
    expect(seen).to.deep.equal(["POST", "/here", "b c", "1", "body", "test"]);
    expect(peer.peer.budget.usedBytes).to.equal(0);
  });

  for (const [name, value] of [
    ["x-split", "a\r\nset-cookie: b"],
    ["x-wide", "\u010a"],
    ["x-space", " a"],
    ["x y", "a"],
    ["", "a"],
  ]) {
    it(`answers 500 and says why in the log when a handler sends the field ${JSON.stringify(name)}: ${JSON.stringify(value)}`, async () => {
      const peer = serve(() => ({ headers: { [name]: value } }));
      expect((await ask(peer)).headers[":status"]).to.equal("500");
      expect(peer.host.errors).to.have.length(1);
    });
  }

  for (const [name, response] of [
    ["a body that is an object", { body: { a: 1 } }],
    ["a field that is a number", { headers: { "x-n": 5 } }],
    ["a status that is none of an answer", { status: 100 }],
    ["a status that is a text", { status: "200" }],
    ["a length of its own", { headers: { "content-length": "2" }, body: "ok" }],
    ["a field of the connection", { headers: { Connection: "close" } }],
  ] as [string, object][]) {
    it(`answers 500 for ${name}, and the connection goes on`, async () => {
      const peer = serve(({ query }) => (query.has("bad") ? (response as HttpResponse) : { body: "fine" }));
      expect((await ask(peer, "GET", "/here?bad")).headers[":status"]).to.equal("500");
      const { headers, body } = await ask(peer);
      expect([headers[":status"], body, peer.host.errors.length]).to.deep.equal(["200", "fine", 1]);
    });
  }

  it("reads the crumbs of cookies as one field", async () => {
    const peer = serve(({ header }) => ({ body: `${header("Cookie")} ${header("x-none")}` }));
    const fields = requestFields("/here", ["cookie", "a=1", "cookie", "b=2"], "GET");
    expect((await peer.answer(peer.openWith(fields, true))).body).to.equal("a=1; b=2 undefined");
  });

  it("keeps a body of many small parts in as much memory as it has bytes (CVE-2026-84304)", async () => {
    let length = 0;
    const peer = serve(({ body }) => {
      length = body.buffer.byteLength;
      return { body: String(body.length) };
    });
    const streamId = peer.openWith(requestFields("/here", [], "POST"));
    for (let i = 0; i < 20_000; i++) peer.send(streamId, Buffer.from("x"));
    peer.sendLast(streamId, Buffer.from("x"));
    expect((await peer.answer(streamId)).body).to.equal("20001");
    expect(length).to.be.at.most(2 * 20_001);
  });

  it("answers HEAD as GET, without the body", async () => {
    const { headers, body, isEnded } = await ask(
      serve(() => ({ body: "text" })),
      "HEAD",
    );
    expect(headers).to.deep.equal({ ":status": "200", "content-length": "4" });
    expect([body, isEnded]).to.deep.equal(["", true]);
  });

  it("says no length where there can be no content", async () => {
    expect((await ask(serve(() => ({ status: 204 })))).headers).to.deep.equal({ ":status": "204" });
  });

  for (const [what, handler] of Object.entries<RouteHandler>({
    throws: () => {
      throw new Error("SECRET");
    },
    rejects: async () => {
      throw new Error("SECRET");
    },
  })) {
    it(`answers 500 without the error's text when its handler ${what}, and logs it`, async () => {
      const peer = serve(handler);
      const { headers, body } = await ask(peer);
      expect(headers[":status"]).to.equal("500");
      expect(body).to.not.contain("SECRET");
      expect(peer.host.errors).to.deep.equal(["A route failed"]);
    });
  }

  it("is not answered when the client is gone", async () => {
    let answer: (response: object) => void = () => {};
    const peer = serve(() => new Promise((resolve) => (answer = resolve)));
    const streamId = peer.openWith(requestFields("/here", [], "GET"), true);
    peer.peer.send(rstStream(streamId, 8));
    answer({ body: "late" });
    expect((await peer.answer(streamId)).headers).to.deep.equal({});
  });

  it("answers 413 as soon as a body is too large, and lets go of it", async () => {
    const peer = serve(() => expect.fail("the handler ran"));
    const streamId = peer.openWith(requestFields("/here"));
    for (let i = 0; i < 65; i++) peer.peer.send(data(streamId, Buffer.alloc(16_384)));
    const { headers, isEnded, reset } = await peer.answer(streamId);
    expect(headers[":status"]).to.equal("413");
    expect([isEnded, reset]).to.deep.equal([true, "NO_ERROR"]);
    expect(peer.peer.budget.usedBytes).to.equal(0);
  });

  it("answers 405 with the methods there are to another one", async () => {
    const { headers } = await ask(
      serve(() => ({})),
      "DELETE",
    );
    expect(headers).to.include({ ":status": "405", allow: "GET, POST" });
  });

  it("can push", async () => {
    const peer = serve(({ push, path }) => ({ body: path === "/here" ? String(push("/pushed")) : "pushed" }));
    peer.host.routes.push(route("GET", "/pushed", () => ({ body: "pushed" })));
    const { body } = await ask(peer);
    expect(body).to.equal("true");
    expect((await peer.answer(2)).body).to.equal("pushed");
  });

  it("begins with a slash", () => {
    expect(() => route("GET", "here", () => ({}))).to.throw(TypeError, 'begins with "/"');
    expect(isRoute(route("GET", "/", () => ({})))).to.equal(true);
    expect(isRoute(null)).to.equal(false);
  });
});

describe("a path that is nothing", () => {
  it("is answered 404 with what there is, even before the body has come", async () => {
    const peer = serve(() => ({}));
    const { headers, body, reset } = await peer.answer(peer.openWith(requestFields("/nowhere")));
    expect(headers).to.include({ ":status": "404", "content-type": "text/plain; charset=utf-8" });
    expect(body).to.equal(
      "There is nothing at /nowhere. This server has:\n  GET /here\n  gRPC /test.Test/Method\n",
    );
    expect(reset).to.equal("NO_ERROR");
  });

  it("is answered 415 when it is a gRPC method", async () => {
    const { headers } = await ask(
      serve(() => ({})),
      "GET",
      "/test.Test/Method",
    );
    expect(headers[":status"]).to.equal("415");
  });
});
