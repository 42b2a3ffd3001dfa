import { setImmediate } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { expect } from "chai";
import { defer } from "./support/defer.ts";
import { echo, servedThrough as served } from "./support/interceptors.ts";
import { describeTwins } from "./support/twins.ts";

describeTwins("server interceptors that take their time", (twin) => {
  const later = (action: () => void) => void setImmediate().then(setImmediate).then(action);

  it("hold the message and the end back with the metadata", async () => {
    const { client } = await served(
      twin,
      echo,
      {},
      {
        onReceiveMetadata: (metadata, next) => later(() => next(metadata)),
      },
    );
    expect((await client.unary({ text: "a" })).messages).to.deep.equal([{ text: "a" }]);
    expect((await client.bidi(["a", "b"])).messages).to.deep.equal([{ text: "a" }, { text: "b" }]);
  });

  it("hold the end back with a message", async () => {
    const { client } = await served(
      twin,
      echo,
      {},
      {
        onReceiveMessage: (message, next) => later(() => next(message)),
      },
    );
    expect((await client.unary({ text: "a" })).messages).to.deep.equal([{ text: "a" }]);
    expect((await client.bidi(["a", "b"])).messages).to.deep.equal([{ text: "a" }, { text: "b" }]);
  });

  it("hold the handler of a unary call back with the end", async () => {
    const { client } = await served(twin, echo, {}, { onReceiveHalfClose: (next) => later(next) });
    expect((await client.unary({ text: "a" })).messages).to.deep.equal([{ text: "a" }]);
  });

  it("hold the reply and the status back with the metadata", async () => {
    const { client } = await served(twin, echo, {
      sendMetadata: (metadata, next) =>
        later(() => {
          metadata.set("late", "1");
          next(metadata);
        }),
    });
    const { headers, messages, code } = await client.unary({ text: "a" });
    expect([headers, messages, code]).to.deep.equal([{ late: ["1"] }, [{ text: "a" }], status.OK]);
  });

  it("hold the status back with a reply", async () => {
    const { client } = await served(twin, echo, {
      sendMessage: (message, next) => later(() => next(message)),
    });
    expect(await client.unary({ text: "a" })).to.deep.include({
      messages: [{ text: "a" }],
      code: status.OK,
    });
  });

  it("hold each reply of a stream back, in order", async () => {
    const { client } = await served(twin, echo, {
      sendMessage: (message, next) => later(() => next(message)),
    });
    const texts = ["a", "b", "c", "d"];
    expect((await client.bidi(texts)).messages.map(({ text }) => text)).to.deep.equal(texts);
  });

  it("hold the status back by itself", async () => {
    const { client } = await served(twin, echo, { sendStatus: (sent, next) => later(() => next(sent)) });
    expect((await client.unary({ text: "a" })).code).to.equal(status.OK);
  });

  it("are told of a call that is cancelled meanwhile, and its handler never runs", async () => {
    let runs = 0;
    const waiting = defer<() => void>();
    const cancelled = defer();
    const { client } = await served(
      twin,
      { unary: () => void runs++ },
      {},
      {
        onReceiveMetadata: (metadata, next) => waiting.resolve(() => next(metadata)),
        onCancel: () => cancelled.resolve(),
      },
    );
    const { call, outcome } = client.startUnary({ text: "a" });
    const pass = await waiting.promise;
    call.cancel();
    await cancelled.promise;
    pass();
    expect((await outcome).code).to.equal(status.CANCELLED);
    expect(runs).to.equal(0);
  });
});
