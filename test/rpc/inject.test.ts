import { expect } from "chai";
import type { GreeterHandlers } from "../../src/generated/helloworld/Greeter.ts";
import {
  createServer,
  type Implementation,
  type Interceptor,
  implement,
  loadSchema,
  Metadata,
  RpcError,
  type Server,
  StatusCode,
} from "../../src/index.ts";
import { settle } from "../support/fake-call.ts";

interface Reply {
  readonly message: string;
}

const schema = loadSchema(["proto"]);

const greeter = implement<GreeterHandlers>("helloworld.Greeter", {
  sayHello({ name }, call) {
    if (name === "nobody") throw new RpcError(StatusCode.NOT_FOUND, "nobody is here");
    call.responseMetadata.set("x-head", String(call.metadata.get("x-sent") ?? "none"));
    call.trailers.set("x-tail", "1");
    return { message: `Hello, ${name}` };
  },
  async *sayHelloStreamReply({ name }) {
    for (let i = 0; i < 100; i++) yield { message: `${name} ${i}` };
  },
  async *sayHelloBidiStream(requests) {
    for await (const { name } of requests) yield { message: `${name}!` };
  },
  async sayHelloToAll(requests, call) {
    const names: string[] = [];
    for await (const { name } of requests) names.push(name);
    if (names.includes("wait"))
      await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    return { message: names.join(", ") };
  },
});

describe("a call without a connection", () => {
  let server: Server;
  beforeEach(() => {
    server = createServer({ schema });
    server.addService(greeter);
  });

  it("of a unary method: reply, metadata and status", async () => {
    const metadata = new Metadata([["x-sent", "2"]]);
    const call = server.inject<Reply>("helloworld.Greeter/SayHello", { name: "Ada" }, { metadata });
    expect(await call.reply()).to.deep.equal({ message: "Hello, Ada" });
    expect([call.headers.get("x-head"), call.trailers.get("x-tail"), (await call.status).code]).to.deep.equal(
      ["2", "1", 0],
    );
  });

  it("that fails rejects with the RpcError", async () => {
    const call = server.inject("/helloworld.Greeter/SayHello", { name: "nobody" });
    const error = await call.reply().catch((reason: unknown) => reason);
    expect(error)
      .to.be.instanceOf(RpcError)
      .and.include({ code: StatusCode.NOT_FOUND, message: "nobody is here" });
    expect((await call.status).code).to.equal(StatusCode.NOT_FOUND);
  });

  it("streams replies, as far as they are read", async () => {
    const messages: string[] = [];
    for await (const { message } of server.inject<Reply>("helloworld.Greeter/SayHelloStreamReply", {
      name: "n",
    })) {
      messages.push(message);
    }
    expect(messages).to.have.length(100);
    expect(messages[99]).to.equal("n 99");
  });

  it("streams requests, from whatever can be iterated", async () => {
    const asked = async function* () {
      for (const name of ["a", "b"]) {
        await settle();
        yield { name };
      }
    };
    const chat = server.inject<Reply>("helloworld.Greeter/SayHelloBidiStream", asked());
    const replies: string[] = [];
    for await (const { message } of chat) replies.push(message);
    const all = await server
      .inject<Reply>("helloworld.Greeter/SayHelloToAll", [{ name: "a" }, { name: "b" }])
      .reply();
    expect([replies, all.message]).to.deep.equal([["a!", "b!"], "a, b"]);
  });

  it("of a thousand requests is held back by a slow handler", async () => {
    let asked = 0;
    const endless = function* () {
      for (; asked < 1000; asked++) yield { name: "x" };
    };
    const call = server.inject<Reply>("helloworld.Greeter/SayHelloBidiStream", endless());
    await settle();
    expect(asked).to.be.below(100);
    call.cancel();
  });

  it("passes through the interceptors", async () => {
    const seen: string[] = [];
    const guarded = createServer({
      schema,
      interceptors: [
        (call, next) => {
          seen.push(call.method.path);
          return next();
        },
      ],
    });
    guarded.addService(greeter);
    await guarded.inject("helloworld.Greeter/SayHello", { name: "Ada" }).reply();
    expect(seen).to.deep.equal(["/helloworld.Greeter/SayHello"]);
  });

  it("passes those of the server, then of the service, then of the method", async () => {
    const seen: string[] = [];
    const named =
      (name: string): Interceptor =>
      (_call, next) => {
        seen.push(name);
        return next();
      };
    const guarded = createServer({ schema, interceptors: [named("server")] });
    const handlers: Implementation<GreeterHandlers> = {
      sayHello: ({ name }) => ({ message: name }),
      sayHelloStreamReply: () => [],
      sayHelloBidiStream: () => [],
      sayHelloToAll: () => ({ message: "" }),
    };
    guarded.addService(
      implement<GreeterHandlers>("helloworld.Greeter", handlers, {
        interceptors: [named("service 1"), named("service 2")],
        methods: { sayHello: [named("method")] },
      }),
    );
    await guarded.inject("helloworld.Greeter/SayHello", {}).reply();
    expect(seen.splice(0)).to.deep.equal(["server", "service 1", "service 2", "method"]);
    await guarded.inject("helloworld.Greeter/SayHelloToAll", []).reply();
    expect(seen).to.deep.equal(["server", "service 1", "service 2"]);
  });

  it("of an unknown method is UNIMPLEMENTED, and of one that is answered all the same is not", async () => {
    expect((await server.inject("a.B/C", {}).status).code).to.equal(StatusCode.UNIMPLEMENTED);
    server.handleUnknown(async function* (requests) {
      yield* requests;
    });
    const call = server.inject<Uint8Array>("a.B/C", [Buffer.from("bytes")]);
    expect(Buffer.from(await call.reply()).toString()).to.equal("bytes");
  });

  it("can be cancelled, and times out", async () => {
    const stop = new AbortController();
    const cancelled = server.inject("helloworld.Greeter/SayHelloToAll", [{ name: "wait" }], {
      signal: stop.signal,
    });
    await settle();
    stop.abort();
    expect((await cancelled.status).code).to.equal(StatusCode.CANCELLED);
    const late = server.inject("helloworld.Greeter/SayHelloToAll", [{ name: "wait" }], { timeoutMs: 10 });
    expect((await late.status).code).to.equal(StatusCode.DEADLINE_EXCEEDED);
  });

  it("stops asking for requests when it is over", async () => {
    let asked = 0;
    const endless = async function* () {
      for (;;) {
        asked++;
        await settle();
        yield { name: "nobody" };
      }
    };
    const unary = server.inject("helloworld.Greeter/SayHello", endless());
    expect((await unary.status).code).to.equal(StatusCode.UNIMPLEMENTED);
    const before = asked;
    for (let i = 0; i < 5; i++) await settle();
    expect(asked - before).to.be.at.most(1);
  });

  it("with a signal that was aborted before is cancelled", async () => {
    const call = server.inject("helloworld.Greeter/SayHelloToAll", [{ name: "wait" }], {
      signal: AbortSignal.abort(),
    });
    expect((await call.status).code).to.equal(StatusCode.CANCELLED);
  });

  it("whose request is none says so to whoever made it", async () => {
    const error = await server
      .inject("helloworld.Greeter/SayHello", { name: 7 })
      .reply()
      .catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(TypeError);
  });

  it("hears of services that come and go while the server runs", async () => {
    expect(server.removeService("helloworld.Greeter")).to.equal(true);
    expect(server.removeService("helloworld.Greeter")).to.equal(false);
    expect((await server.inject("helloworld.Greeter/SayHello", {}).status).code).to.equal(
      StatusCode.UNIMPLEMENTED,
    );
    server.addService(greeter);
    expect((await server.inject("helloworld.Greeter/SayHello", {}).status).code).to.equal(StatusCode.OK);
    expect(() => server.addService(greeter)).to.throw("two services claim it");
  });
});
