import { once } from "node:events";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { type handleServerStreamingCall, type ServerWritableStream, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { metadataOf } from "./support/client.ts";
import { defer } from "./support/defer.ts";
import type { Message } from "./support/service.ts";
import { describeTwins } from "./support/twins.ts";

type Handler = handleServerStreamingCall<Message, Message>;
type ReplyStream = ServerWritableStream<Message, Message>;

const messagesOf = (count: number): Message[] =>
  Array.from({ length: count }, (_, index) => ({ text: String(index) }));

/** A reply that fills a stream's window in HTTP/2 by itself. */
const large = { text: "x".repeat(70_000) };

const failure = (details: string) => Object.assign(new Error(details), { code: status.ABORTED, details });

describeTwins("a stream of replies", (twin) => {
  const writers: Record<string, (call: ReplyStream, messages: Message[]) => unknown> = {
    "by write and end": (call, messages) => {
      for (const message of messages) call.write(message);
      call.end();
    },
    "with a wait for each": async (call, messages) => {
      for (const message of messages) {
        await new Promise((resolve) => call.write(message, resolve));
      }
      call.end();
    },
    "with a wait for 'drain' where write says so": async (call, messages) => {
      for (const message of messages) if (!call.write(message)) await once(call, "drain");
      call.end();
    },
    "through a pipe": (call, messages) => Readable.from(messages).pipe(call as unknown as Writable),
    "through a pipeline": (call, messages) => pipeline(Readable.from(messages), call as unknown as Writable),
    "through a pipeline from a generator": (call, messages) =>
      pipeline(
        async function* () {
          for (const message of messages) {
            await setImmediate();
            yield message;
          }
        },
        call as unknown as Writable,
      ),
  };
  for (const [how, write] of Object.entries(writers)) {
    it(`is written ${how}`, async () => {
      const messages = messagesOf(60);
      const handler = ((call: ReplyStream) => void write(call, messages)) as Handler;
      const { client } = await twin.serve({ serverStream: handler });
      const outcome = await client.serverStream();
      expect([outcome.code, outcome.messages]).to.deep.equal([status.OK, messages]);
    });
  }

  it("may be empty", async () => {
    const { client } = await twin.serve({ serverStream: (call) => call.end() });
    expect(await client.serverStream()).to.deep.include({ code: status.OK, messages: [], trailers: {} });
  });

  it("has the request", async () => {
    const { client } = await twin.serve({
      serverStream: (call) => {
        call.write(call.request);
        call.end();
      },
    });
    expect((await client.serverStream({ text: "a" })).messages).to.deep.equal([{ text: "a" }]);
  });

  it("ends with trailers", async () => {
    const { client } = await twin.serve({
      serverStream: (call) => {
        call.write(call.request);
        call.end(metadataOf({ last: "1" }));
      },
    });
    expect((await client.serverStream()).trailers).to.deep.equal({ last: ["1"] });
  });

  it("may be nothing but trailers", async () => {
    const { client } = await twin.serve({ serverStream: (call) => call.end(metadataOf({ last: "1" })) });
    expect(await client.serverStream()).to.deep.include({ code: status.OK, trailers: { last: ["1"] } });
  });

  it("sends headers before the first reply", async () => {
    const told = defer<ReplyStream>();
    const { client } = await twin.serve({
      serverStream: (call) => {
        call.sendMetadata(metadataOf({ first: "1" }));
        told.resolve(call);
      },
    });
    const { headers, read } = client.startServerStream();
    const outcome = read();
    expect((await headers).get("first")).to.deep.equal(["1"]);
    (await told.promise).end();
    expect((await outcome).code).to.equal(status.OK);
  });

  it("is an object stream of Node", async () => {
    const seen = defer<unknown[]>();
    const { client } = await twin.serve({
      serverStream: (call) => {
        const stream = call as unknown as Writable;
        seen.resolve([stream instanceof Writable, stream.writableObjectMode, stream.writableHighWaterMark]);
        call.end();
      },
    });
    await client.serverStream();
    expect(await seen.promise).to.deep.equal([true, true, 16]);
  });

  it("tells a handler to wait, and when to go on, while its client does not read", async () => {
    const full = defer<number>();
    const drained = defer();
    const { client } = await twin.serve({
      serverStream: (call) => {
        let written = 1;
        while (call.write(large)) written++;
        full.resolve(written);
        call.once("drain", () => {
          drained.resolve();
          call.end();
        });
      },
    });
    const { read } = client.startServerStream();
    const written = await full.promise;
    const outcome = read();
    await drained.promise;
    expect((await outcome).messages).to.have.length(written);
    expect(written).to.be.within(2, 64);
  });

  it("calls back for each reply that is written, in order", async () => {
    const written: number[] = [];
    const { client } = await twin.serve({
      serverStream: (call) => {
        for (const index of [0, 1, 2]) call.write(call.request, () => written.push(index));
        call.end();
      },
    });
    await client.serverStream();
    expect(written).to.deep.equal([0, 1, 2]);
  });

  it("finishes, and is closed", async () => {
    const events: string[] = [];
    const closed = defer();
    const { client } = await twin.serve({
      serverStream: (call) => {
        for (const event of ["finish", "close"]) call.on(event, () => events.push(event));
        call.on("close", () => closed.resolve());
        call.write(call.request);
        call.end();
      },
    });
    await client.serverStream();
    await closed.promise;
    expect(events).to.deep.equal(["finish", "close"]);
  });

  it("keeps the order of ten thousand replies", async () => {
    const messages = messagesOf(10_000);
    const { client } = await twin.serve({
      serverStream: (call) => void Readable.from(messages).pipe(call as unknown as Writable),
    });
    expect((await client.serverStream()).messages).to.deep.equal(messages);
  });

  it("ends with the status of an 'error' event, behind what was written", async () => {
    const { client } = await twin.serve({
      serverStream: (call) => {
        for (const message of messagesOf(20)) call.write(message);
        call.emit("error", failure("enough"));
      },
    });
    const outcome = await client.serverStream();
    expect(outcome).to.include({ code: status.ABORTED, details: "enough" });
    expect(outcome.messages).to.deep.equal(messagesOf(20));
  });

  it("ends with the status of the error that destroys it", async () => {
    const { client } = await twin.serve({ serverStream: (call) => void call.destroy(failure("broken")) });
    const options = { deadline: new Date(Date.now() + 500) };
    expect((await client.serverStream({ text: "" }, { options })).code).to.equal(
      twin.expected({
        grpcJs: status.DEADLINE_EXCEEDED,
        ours: status.ABORTED,
        why: "a destroyed stream of grpc-js sends no status, so that its client waits for its own deadline",
      }),
    );
  });

  it("ends with the status of the first error only", async () => {
    const { client } = await twin.serve({
      serverStream: (call) => {
        call.emit("error", failure("first"));
        setImmediate().then(() => call.emit("error", failure("second")));
      },
    });
    expect(await client.serverStream()).to.include({ code: status.ABORTED, details: "first" });
  });

  it("emits an error for what is written behind its end", async () => {
    const told = defer<string | undefined>();
    const { client } = await twin.serve({
      serverStream: (call) => {
        call.end();
        call.write(call.request, (error: NodeJS.ErrnoException | null | undefined) =>
          told.resolve(error?.code),
        );
      },
    });
    await client.serverStream();
    expect(await told.promise).to.equal("ERR_STREAM_WRITE_AFTER_END");
  });

  it("tells of a client that goes, and is destroyed", async () => {
    const events: string[] = [];
    const closed = defer<ReplyStream>();
    const { client } = await twin.serve({
      serverStream: (call) => {
        for (const event of ["cancelled", "close"]) call.on(event, () => events.push(event));
        call.on("close", () => closed.resolve(call));
        call.write(call.request);
      },
    });
    const { call, outcome, read } = client.startServerStream();
    call.once("data", () => call.cancel());
    read();
    const { cancelled, destroyed } = (await closed.promise) as ReplyStream & { destroyed: boolean };
    expect([events, cancelled, destroyed]).to.deep.equal([["cancelled", "close"], true, true]);
    expect((await outcome).code).to.equal(status.CANCELLED);
  });

  it("bears a handler that goes on writing when the client has gone", async () => {
    const over = defer();
    const { client } = await twin.serve({
      serverStream: (call) => {
        if (call.request.text === "stay") {
          call.end();
          return;
        }
        call.write(call.request);
        call.on("close", () => {
          call.write(call.request);
          call.end();
          over.resolve();
        });
      },
    });
    const { call, read } = client.startServerStream({ text: "go" });
    call.once("data", () => call.cancel());
    read();
    await over.promise;
    expect((await client.serverStream({ text: "stay" })).code).to.equal(status.OK);
  });

  it("ends a pipe from a source when the client goes", async () => {
    const over = defer<string | undefined>();
    const { client } = await twin.serve({
      serverStream: (call) => {
        const endless = Readable.from(
          (function* () {
            for (;;) yield large;
          })(),
        );
        pipeline(endless, call as unknown as Writable).catch((error) => over.resolve(error.code));
      },
    });
    const { call, read } = client.startServerStream();
    call.once("data", () => call.cancel());
    read();
    expect(await over.promise).to.equal("ERR_STREAM_PREMATURE_CLOSE");
  });
});
