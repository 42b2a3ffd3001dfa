import { type handleUnaryCall, type ServiceError, StatusBuilder, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { metadataOf, type Outcome } from "./support/client.ts";
import { defer } from "./support/defer.ts";
import { deserialize, envelope, type Handlers, type Message, serialize, service } from "./support/service.ts";
import { describeTwins, type Twin } from "./support/twins.ts";
import { answerOf } from "./support/wire-client.ts";

/** The outcome of a call whose handler fails by its callback. */
async function failing(twin: Twin, error: unknown): Promise<Outcome> {
  const { client } = await twin.serve({ unary: (_call, callback) => callback(error as ServiceError) });
  return client.unary();
}

describeTwins("an error of a handler's callback", (twin) => {
  const plain = (fields: object) => Object.assign(new Error("the message"), fields);
  const cases: [string, unknown, number, string][] = [
    ["an Error", new Error("the message"), status.UNKNOWN, "the message"],
    ["an Error with a code", plain({ code: status.NOT_FOUND }), status.NOT_FOUND, "the message"],
    ["an Error with code and details", plain({ code: 9, details: "details" }), 9, "details"],
    ["an Error with details only", plain({ details: "details" }), status.UNKNOWN, "the message"],
    ["an Error whose code is text", plain({ code: "ENOENT" }), status.UNKNOWN, "the message"],
    ["an Error whose code is no integer", plain({ code: 3.5 }), status.UNKNOWN, "the message"],
    ["an Error whose details are no text", plain({ code: 3, details: 4 }), 3, "the message"],
    ["a status", { code: status.ABORTED, details: "details" }, status.ABORTED, "details"],
    ["a status without details", { code: status.ABORTED }, status.ABORTED, "Unknown Error"],
    ["details without a code", { details: "details" }, status.UNKNOWN, "Unknown Error"],
    ["nothing at all", {}, status.UNKNOWN, "Unknown Error"],
    ["empty details", { code: status.ABORTED, details: "" }, status.ABORTED, ""],
    ["a code of its own", { code: 17, details: "17" }, 17, "17"],
    ["a large code of its own", { code: 12_345, details: "12345" }, 12_345, "12345"],
    ["details beyond ASCII", { code: 3, details: "Grüße, 世界 ✓" }, 3, "Grüße, 世界 ✓"],
    ["details with signs", { code: 3, details: '100% "a" <b> \\ `c` #d' }, 3, '100% "a" <b> \\ `c` #d'],
    ["details with line breaks", { code: 3, details: "one\ntwo\r\n\tthree" }, 3, "one\ntwo\r\n\tthree"],
  ];
  for (const [what, error, code, details] of cases) {
    it(`becomes a status: ${what}`, async () => {
      expect(await failing(twin, error)).to.include({ code, details });
    });
  }

  it("may come from StatusBuilder", async () => {
    const built = new StatusBuilder()
      .withCode(status.OUT_OF_RANGE)
      .withDetails("built")
      .withMetadata(metadataOf({ by: "builder" }))
      .build();
    expect(await failing(twin, built)).to.deep.include({
      code: status.OUT_OF_RANGE,
      details: "built",
      trailers: { by: ["builder"] },
    });
  });

  it("may be of a class of the user's", async () => {
    class NotThere extends Error {
      readonly code = status.NOT_FOUND;
      get details(): string {
        return `${this.message} is not there`;
      }
    }
    expect(await failing(twin, new NotThere("it"))).to.include({
      code: status.NOT_FOUND,
      details: "it is not there",
    });
  });

  it("carries metadata, bytes too", async () => {
    const bytes = Buffer.from([0, 255, 10]);
    const metadata = metadataOf({ reason: "why", "reason-bin": bytes });
    expect((await failing(twin, { code: 3, details: "x", metadata })).trailers).to.deep.equal({
      reason: ["why"],
      "reason-bin": [bytes],
    });
  });

  it("carries the rich details of google.rpc.Status", async () => {
    // code = 3, message = "x", in protobuf.
    const bytes = Buffer.from([8, 3, 18, 1, 120]);
    const metadata = metadataOf({ "grpc-status-details-bin": bytes });
    expect((await failing(twin, { code: 3, details: "x", metadata })).trailers).to.deep.equal({
      "grpc-status-details-bin": [bytes],
    });
  });

  it("comes behind headers that were sent", async () => {
    const { client } = await twin.serve({
      unary: (call, callback) => {
        call.sendMetadata(metadataOf({ first: "1" }));
        callback({ code: status.ABORTED, details: "x", metadata: metadataOf({ last: "2" }) });
      },
    });
    expect(await client.unary()).to.deep.include({
      code: status.ABORTED,
      headers: { first: ["1"] },
      trailers: { last: ["2"] },
    });
  });

  it("may have half of a surrogate pair in its details", async () => {
    const { code, details } = await failing(twin, { code: status.ABORTED, details: "half \ud83d" });
    expect([code, details]).to.deep.equal(
      twin.expected({
        grpcJs: [status.UNKNOWN, "Unknown error"],
        ours: [status.ABORTED, "half \ufffd"],
        why: "encodeURI throws, and the handler is blamed",
      }),
    );
  });

  it("cannot change the status by its metadata", async () => {
    const metadata = metadataOf({ "grpc-status": "0", "grpc-message": "fine" });
    const { code, details } = await failing(twin, { code: status.ABORTED, details: "x", metadata });
    expect([code, details]).to.deep.equal(
      twin.expected({
        grpcJs: [status.OK, "fine"],
        ours: [status.ABORTED, "x"],
        why: "metadata overwrites grpc-status",
      }),
    );
  });
});

describeTwins("what a handler throws", (twin) => {
  const calls: Record<keyof Handlers, (served: Awaited<ReturnType<Twin["serve"]>>) => Promise<Outcome>> = {
    unary: ({ client }) => client.unary(),
    clientStream: ({ client }) => client.clientStream(["a"]),
    serverStream: ({ client }) => client.serverStream(),
    bidi: ({ client }) => client.bidi(["a"]),
  };
  for (const [kind, call] of Object.entries(calls)) {
    it(`is kept from the client, for ${kind}`, async () => {
      const thrower = () => {
        throw Object.assign(new Error("a secret"), { code: status.NOT_FOUND, details: "a secret" });
      };
      const outcome = await call(await twin.serve({ [kind]: thrower }));
      expect(outcome).to.include({ code: status.UNKNOWN, details: "Unknown error" });
    });
  }

  it("may be no error at all", async () => {
    const { client } = await twin.serve({
      unary: () => {
        throw null;
      },
    });
    expect(await client.unary()).to.include({ code: status.UNKNOWN, details: "Unknown error" });
  });

  it("is without effect behind the answer", async () => {
    const { client } = await twin.serve({
      unary: (_call, callback) => {
        callback({ code: status.ABORTED, details: "answered" });
        throw new Error("late");
      },
    });
    expect(await client.unary()).to.include({ code: status.ABORTED, details: "answered" });
  });

  it("does not end the connection", async () => {
    const { client } = await twin.serve({
      unary: ({ request }, callback) => {
        if (request.text === "bad") throw new Error("bad");
        callback(null, request);
      },
    });
    const good = client.unary({ text: "good" });
    expect((await client.unary({ text: "bad" })).code).to.equal(status.UNKNOWN);
    expect((await good).code).to.equal(status.OK);
  });

  it("is answered as well when it comes by a promise", async () => {
    const { client } = await twin.serve({
      unary: (async () => {
        throw new Error("a secret");
      }) as handleUnaryCall<Message, Message>,
    });
    const { seen, outcome } = await watchingRejections(async (isSeen) => {
      const started = client.startUnary({ text: "a" });
      await Promise.race([isSeen, started.outcome]);
      started.call.cancel();
      return started.outcome;
    });
    expect([seen, outcome.code]).to.deep.equal(
      twin.expected({
        grpcJs: [true, status.CANCELLED],
        ours: [false, status.UNKNOWN],
        why: "a rejection that nobody handles ends a process, and leaves the client waiting",
      }),
    );
  });
});

/** Runs an action with nobody but us to hear of promises that are rejected and not handled. */
async function watchingRejections(
  action: (isSeen: Promise<unknown>) => Promise<Outcome>,
): Promise<{ seen: boolean; outcome: Outcome }> {
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  const rejection = defer<unknown>();
  let seen = false;
  process.on("unhandledRejection", () => {
    seen = true;
    rejection.resolve(undefined);
  });
  try {
    const outcome = await action(rejection.promise);
    return { seen, outcome };
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }
}

describeTwins("serializers that fail", (twin) => {
  const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);
  const bad = { text: "", extra: 1n };

  it("make a request INTERNAL", async () => {
    const wire = await (await twin.serve({ unary: echo })).wire();
    const { headers } = await wire.request({}, envelope(Buffer.from("no JSON")));
    expect([headers["grpc-status"], decodeURI(String(headers["grpc-message"]))]).to.deep.equal([
      "13",
      "Error deserializing request",
    ]);
  });

  it("make a reply INTERNAL", async () => {
    const { client } = await twin.serve({ unary: (_call, callback) => callback(null, bad) });
    expect(await client.unary()).to.include({
      code: status.INTERNAL,
      details: "Error serializing response",
    });
  });

  it("make a later reply of a stream INTERNAL", async () => {
    const { client } = await twin.serve({
      serverStream: (call) => {
        call.write({ text: "good" });
        call.write(bad);
        call.write({ text: "late" });
        call.end();
      },
    });
    const { messages, code, details } = await client.serverStream();
    expect([messages, code, details]).to.deep.equal([
      [{ text: "good" }],
      status.INTERNAL,
      "Error serializing response",
    ]);
  });

  it("make a stream of requests INTERNAL at the first bad one", async () => {
    const texts: string[] = [];
    const first = defer();
    const cancelled = defer();
    const { open } = await (
      await twin.serve({
        bidi: (call) => {
          call.on("data", ({ text }: Message) => {
            texts.push(text);
            first.resolve();
          });
          call.on("cancelled", () => cancelled.resolve());
        },
      })
    ).wire();
    const stream = open({ ":path": service.Bidi.path });
    const answer = answerOf(stream);
    stream.write(envelope({ text: "good" }));
    await first.promise;
    stream.end(Buffer.concat([envelope(Buffer.from("no JSON")), envelope({ text: "late" })]));
    await cancelled.promise;
    expect([texts, (await answer).headers["grpc-status"]]).to.deep.equal([["good"], "13"]);
  });

  it("may make messages that are no objects", async () => {
    const server = twin.createServer();
    const handler = (({ request }: { request: unknown }, callback: (error: null, value: Message) => void) =>
      callback(null, { text: JSON.stringify(request) })) as unknown as handleUnaryCall<Message, Message>;
    const number = (bytes: Buffer) => deserialize(bytes).text.length as unknown as Message;
    server.register(service.Unary.path, handler, serialize, number, "unary");
    const { client } = await twin.listen(server);
    expect((await client.unary({ text: "abc" })).messages).to.deep.equal([{ text: "3" }]);
    expect((await client.unary({ text: "" })).code).to.equal(
      twin.expected({
        grpcJs: status.UNIMPLEMENTED,
        ours: status.OK,
        why: "a message that is false counts as none",
      }),
    );
  });
});
