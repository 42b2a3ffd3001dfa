import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type handleClientStreamingCall, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { metadataOf } from "./support/client.ts";
import { defer } from "./support/defer.ts";
import type { Message } from "./support/service.ts";
import { describeTwins } from "./support/twins.ts";

type Handler = handleClientStreamingCall<Message, Message>;

const joined = (texts: readonly string[]): Message => ({ text: texts.join("") });

/** Reads by "data". */
const join: Handler = (call, callback) => {
  const texts: string[] = [];
  call.on("data", ({ text }: Message) => texts.push(text));
  call.on("end", () => callback(null, joined(texts)));
};

describeTwins("a stream of requests", (twin) => {
  const readers: Record<string, Handler> = {
    "by 'data' and 'end'": join,
    "as an async iterable": async (call, callback) => {
      const texts: string[] = [];
      for await (const { text } of call) texts.push(text);
      callback(null, joined(texts));
    },
    "through a pipe": (call, callback) => {
      const texts: string[] = [];
      const sink = new Writable({
        objectMode: true,
        write({ text }: Message, _encoding, done) {
          texts.push(text);
          setImmediate(done);
        },
      });
      call.pipe(sink).on("finish", () => callback(null, joined(texts)));
    },
    "through a pipeline": async (call, callback) => {
      const texts: string[] = [];
      await pipeline(call, async (messages: AsyncIterable<Message>) => {
        for await (const { text } of messages) texts.push(text);
      });
      callback(null, joined(texts));
    },
    "by 'readable' and read()": (call, callback) => {
      const texts: string[] = [];
      call.on("readable", () => {
        for (let message = call.read(); message !== null; message = call.read()) texts.push(message.text);
      });
      call.on("end", () => callback(null, joined(texts)));
    },
    "with pauses": (call, callback) => {
      const texts: string[] = [];
      call.on("data", ({ text }: Message) => {
        texts.push(text);
        call.pause();
        setImmediate(() => call.resume());
      });
      call.on("end", () => callback(null, joined(texts)));
    },
  };
  for (const [how, reader] of Object.entries(readers)) {
    it(`is read ${how}`, async () => {
      const { client } = await twin.serve({ clientStream: reader });
      const texts = Array.from({ length: 60 }, (_, index) => `${index} `);
      expect((await client.clientStream(texts)).messages).to.deep.equal([joined(texts)]);
    });
  }

  it("may be empty", async () => {
    const { client } = await twin.serve({ clientStream: join });
    expect((await client.clientStream([])).messages).to.deep.equal([{ text: "" }]);
  });

  it("keeps the order of a thousand messages", async () => {
    const { client } = await twin.serve({ clientStream: join });
    const texts = Array.from({ length: 1000 }, (_, index) => `${index},`);
    expect((await client.clientStream(texts)).messages).to.deep.equal([joined(texts)]);
  });

  it("begins before the first request", async () => {
    const begun = defer<string>();
    const { client } = await twin.serve({
      clientStream: (call, callback) => {
        begun.resolve(call.getPath());
        join(call, callback);
      },
    });
    const { call, outcome } = client.startClientStream();
    expect(await begun.promise).to.equal("/twin.Test/ClientStream");
    call.end({ text: "a" });
    expect((await outcome).messages).to.deep.equal([{ text: "a" }]);
  });

  it("is an object stream of Node", async () => {
    const seen = defer<unknown[]>();
    const { client } = await twin.serve({
      clientStream: (call, callback) => {
        seen.resolve([call instanceof Readable, call.readableObjectMode, call.readableHighWaterMark]);
        join(call, callback);
      },
    });
    await client.clientStream(["a"]);
    expect(await seen.promise).to.deep.equal([true, true, 16]);
  });

  it("keeps a fast client waiting for a slow handler", async () => {
    const reading = defer<() => void>();
    const kept: number[] = [];
    const { client } = await twin.serve({
      clientStream: (call, callback) => {
        // Takes one message, and then nothing until it is told to.
        call.once("readable", () => {
          call.read();
          reading.resolve(() => {
            kept.push(call.readableLength);
            let size = 0;
            call.on("data", ({ text }: Message) => {
              size += text.length;
            });
            call.on("end", () => callback(null, { text: String(size) }));
          });
        });
      },
    });
    const { call, outcome } = client.startClientStream();
    const text = "x".repeat(65_536);
    for (let i = 0; i < 101; i++) call.write({ text });
    call.end();
    const resume = await reading.promise;
    await client.client.getChannel().getConnectivityState(false);
    resume();
    expect((await outcome).messages).to.deep.equal([{ text: String(100 * text.length) }]);
    expect(kept[0]).to.be.at.most(16);
  });

  it("can be answered before its end", async () => {
    const { client } = await twin.serve({
      clientStream: (call, callback) => call.once("data", (message: Message) => callback(null, message)),
    });
    const { call, outcome } = client.startClientStream();
    call.write({ text: "enough" });
    expect(await outcome)
      .to.include({ code: status.OK })
      .and.to.deep.include({ messages: [{ text: "enough" }] });
  });

  it("can be refused before its end", async () => {
    const { client } = await twin.serve({
      clientStream: (call, callback) =>
        call.once("data", () => callback({ code: status.RESOURCE_EXHAUSTED, details: "enough" })),
    });
    const { call, outcome } = client.startClientStream();
    call.write({ text: "a" });
    expect(await outcome).to.include({ code: status.RESOURCE_EXHAUSTED, details: "enough" });
  });

  it("has headers and trailers", async () => {
    const { client } = await twin.serve({
      clientStream: (call, callback) => {
        call.sendMetadata(metadataOf({ first: "1" }));
        call.resume();
        call.on("end", () => callback(null, { text: "" }, metadataOf({ last: "2" })));
      },
    });
    const { headers, trailers } = await client.clientStream(["a"]);
    expect([headers, trailers]).to.deep.equal([{ first: ["1"] }, { last: ["2"] }]);
  });

  it("ends with the status of an 'error' event", async () => {
    const { client } = await twin.serve({
      clientStream: (call) => {
        call.emit("error", Object.assign(new Error("x"), { code: status.DATA_LOSS, details: "lost" }));
      },
    });
    expect(await client.clientStream(["a"])).to.include({ code: status.DATA_LOSS, details: "lost" });
  });

  it("is closed once it is answered", async () => {
    const closed = defer<boolean>();
    const { client } = await twin.serve({
      clientStream: (call, callback) => {
        call.on("close", () => closed.resolve(call.destroyed));
        join(call, callback);
      },
    });
    await client.clientStream(["a"]);
    expect(await closed.promise).to.equal(true);
  });

  it("tells of a client that goes, and is destroyed", async () => {
    const events: string[] = [];
    const begun = defer();
    const closed = defer();
    const { client } = await twin.serve({
      clientStream: (call) => {
        for (const event of ["cancelled", "close"]) call.on(event, () => events.push(event));
        call.on("close", () => closed.resolve());
        call.once("data", () => begun.resolve());
      },
    });
    const { call, outcome } = client.startClientStream();
    call.write({ text: "a" });
    await begun.promise;
    call.cancel();
    await closed.promise;
    expect((await outcome).code).to.equal(status.CANCELLED);
    expect(events).to.deep.equal(["cancelled", "close"]);
  });

  it("ends an async iteration when the client goes", async () => {
    const begun = defer();
    const over = defer<boolean>();
    const { client } = await twin.serve({
      clientStream: (async (call) => {
        try {
          for await (const _message of call) begun.resolve();
        } finally {
          call.on("cancelled", () => over.resolve(call.cancelled));
          if (call.cancelled) over.resolve(true);
        }
      }) as Handler,
    });
    const { call } = client.startClientStream();
    call.write({ text: "a" });
    await begun.promise;
    call.cancel();
    expect(await over.promise).to.equal(true);
  });
});
