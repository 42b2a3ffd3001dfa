import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { type handleUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { metadataOf } from "./support/client.ts";
import { defer } from "./support/defer.ts";
import { envelope, type Message, serialize, service } from "./support/service.ts";
import { describeTwins } from "./support/twins.ts";

type Callback = sendUnaryData<Message>;

describeTwins("the callback of a unary call", (twin) => {
  /** What a client gets from a handler that does nothing but this. */
  const answerOf = async (act: (callback: Callback) => void) => {
    const { client } = await twin.serve({ unary: (_call, callback) => act(callback) });
    return client.unary();
  };

  it("sends a value", async () => {
    expect(await answerOf((callback) => callback(null, { text: "reply" }))).to.deep.equal({
      messages: [{ text: "reply" }],
      code: status.OK,
      details: "OK",
      headers: {},
      trailers: {},
    });
  });

  it("takes undefined for no error", async () => {
    const none = undefined as unknown as null;
    expect((await answerOf((callback) => callback(none, { text: "reply" }))).code).to.equal(status.OK);
  });

  it("sends a value and trailers", async () => {
    const trailer = metadataOf({ end: "of it" });
    const outcome = await answerOf((callback) => callback(null, { text: "reply" }, trailer));
    expect(outcome.messages).to.deep.equal([{ text: "reply" }]);
    expect(outcome.trailers).to.deep.equal({ end: ["of it"] });
  });

  it("passes over flags", async () => {
    const outcome = await answerOf((callback) => callback(null, { text: "reply" }, metadataOf({}), 2));
    expect(outcome)
      .to.include({ code: status.OK })
      .and.to.deep.include({ messages: [{ text: "reply" }] });
  });

  it("sends a status", async () => {
    const outcome = await answerOf((callback) => callback({ code: status.NOT_FOUND, details: "no such" }));
    expect(outcome).to.deep.equal({
      messages: [],
      code: status.NOT_FOUND,
      details: "no such",
      headers: null,
      trailers: {},
    });
  });

  it("leaves out the value beside an error", async () => {
    const outcome = await answerOf((callback) =>
      callback({ code: status.NOT_FOUND, details: "no such" }, { text: "reply" }),
    );
    expect([outcome.code, outcome.messages]).to.deep.equal([status.NOT_FOUND, []]);
  });

  it("sends the trailers of a status", async () => {
    const metadata = metadataOf({ reason: "gone" });
    const outcome = await answerOf((callback) => callback({ code: status.NOT_FOUND, metadata }));
    expect(outcome.trailers).to.deep.equal({ reason: ["gone"] });
  });

  it("takes the trailers beside an error before those of the error", async () => {
    const error = { code: status.ABORTED, details: "x", metadata: metadataOf({ from: "error" }) };
    const outcome = await answerOf((callback) => callback(error, null, metadataOf({ from: "argument" })));
    expect(outcome.trailers).to.deep.equal({ from: ["argument"] });
  });

  it("sends an error once, and nothing behind it", async () => {
    const outcome = await answerOf((callback) => {
      callback({ code: status.ABORTED, details: "first" });
      callback({ code: status.INTERNAL, details: "second" });
      callback(null, { text: "third" });
    });
    expect([outcome.code, outcome.details, outcome.messages]).to.deep.equal([status.ABORTED, "first", []]);
  });

  it("can come later", async () => {
    const outcome = await answerOf(
      (callback) => void setImmediate().then(() => callback(null, { text: "late" })),
    );
    expect(outcome.messages).to.deep.equal([{ text: "late" }]);
  });

  it("can come from an async handler", async () => {
    const { client } = await twin.serve({
      unary: (async ({ request }, callback) => {
        await setImmediate();
        callback(null, request);
      }) as handleUnaryCall<Message, Message>,
    });
    expect((await client.unary({ text: "async" })).messages).to.deep.equal([{ text: "async" }]);
  });

  it("is without effect when the client has gone", async () => {
    const gone = defer<Callback>();
    const { client } = await twin.serve({
      unary: (call, callback) => {
        if (call.request.text === "stay") callback(null, call.request);
        else call.on("cancelled", () => gone.resolve(callback));
        running.resolve();
      },
    });
    const running = defer();
    const { call, outcome } = client.startUnary({ text: "go" });
    await running.promise;
    call.cancel();
    (await gone.promise)(null, { text: "late" });
    expect((await outcome).code).to.equal(status.CANCELLED);
    expect((await client.unary({ text: "stay" })).messages).to.deep.equal([{ text: "stay" }]);
  });
});

describeTwins("a unary call", (twin) => {
  const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

  it("carries a message of a megabyte both ways", async () => {
    const { client } = await twin.serve({ unary: echo });
    const text = "0123456789abcdef".repeat(65_536);
    expect((await client.unary({ text })).messages[0]?.text.length).to.equal(text.length);
  });

  it("carries a message without any bytes", async () => {
    const server = twin.createServer();
    const sizes: number[] = [];
    const measure = (bytes: Buffer) => {
      sizes.push(bytes.length);
      return { text: "" };
    };
    server.register(service.Unary.path, echo, () => Buffer.alloc(0), measure, "unary");
    const wire = await (await twin.listen(server)).wire();
    const { body, trailers } = await wire.request({}, Buffer.alloc(5));
    expect([sizes, body.length, trailers?.["grpc-status"]]).to.deep.equal([[0], 5, "0"]);
  });

  it("hands over bytes that the handler may keep", async () => {
    const server = twin.createServer();
    const kept: Buffer[] = [];
    const keep = (bytes: Buffer) => {
      kept.push(bytes);
      return { text: "" };
    };
    server.register(service.Unary.path, echo, serialize, keep, "unary");
    const { client } = await twin.listen(server);
    for (const text of ["one", "two", "three"]) await client.unary({ text });
    expect(kept.map(String)).to.deep.equal(
      ["one", "two", "three"].map((text) => String(serialize({ text }))),
    );
  });

  it("runs beside a hundred others", async () => {
    const waiting: (() => void)[] = [];
    const { client } = await twin.serve({
      unary: ({ request }, callback) => {
        waiting.push(() => callback(null, request));
        if (waiting.length === 100) for (const answer of waiting.reverse()) answer();
      },
    });
    const texts = Array.from({ length: 100 }, (_, index) => String(index));
    const outcomes = await Promise.all(texts.map((text) => client.unary({ text })));
    expect(outcomes.map(({ messages }) => messages[0]?.text)).to.deep.equal(texts);
  });

  it("sends headers when it is told to, and the reply later", async () => {
    const told = defer<() => void>();
    const { client } = await twin.serve({
      unary: (call, callback) => {
        call.sendMetadata(metadataOf({ early: "bird" }));
        told.resolve(() => callback(null, call.request));
      },
    });
    const { outcome, headers } = client.startUnary({ text: "a" });
    expect((await headers).get("early")).to.deep.equal(["bird"]);
    (await told.promise)();
    expect((await outcome).messages).to.deep.equal([{ text: "a" }]);
  });

  it("sends headers once", async () => {
    const { client } = await twin.serve({
      unary: (call, callback) => {
        call.sendMetadata(metadataOf({ number: "1" }));
        call.sendMetadata(metadataOf({ number: "2" }));
        callback(null, call.request);
        call.sendMetadata(metadataOf({ number: "3" }));
      },
    });
    expect((await client.unary()).headers).to.deep.equal({ number: ["1"] });
  });

  it("has a request, and is an emitter of events", async () => {
    const seen = defer<unknown[]>();
    const { client } = await twin.serve({
      unary: (call, callback) => {
        call.once("own", (value) => seen.resolve([call.request, value]));
        call.emit("own", "event");
        callback(null, call.request);
      },
    });
    await client.unary({ text: "a" });
    expect(await seen.promise).to.deep.equal([{ text: "a" }, "event"]);
  });

  it("refuses a second request", async () => {
    const served = await twin.serve({ unary: echo });
    const wire = await served.wire();
    const { headers, trailers } = await wire.request({}, Buffer.concat([one("a"), one("b")]));
    expect({ ...headers, ...trailers }["grpc-status"]).to.equal(String(status.UNIMPLEMENTED));
  });

  it("refuses to go without a request", async () => {
    const served = await twin.serve({ unary: echo });
    const wire = await served.wire();
    const { headers } = await wire.request({});
    expect(headers["grpc-status"]).to.equal(String(status.UNIMPLEMENTED));
  });

  it("waits for the end of the request", async () => {
    let runs = 0;
    const served = await twin.serve({
      unary: ({ request }, callback) => {
        runs++;
        callback(null, request);
      },
    });
    const wire = await served.wire();
    const stream = wire.open();
    stream.write(one("a"));
    // The server has worked through what came before this other call.
    await served.client.unary();
    const before = runs;
    stream.end();
    stream.resume();
    await once(stream, "close");
    expect([before, runs]).to.deep.equal([1, 2]);
  });
});

const one = (text: string): Buffer => envelope({ text });
