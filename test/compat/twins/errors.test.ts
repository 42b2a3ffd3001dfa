import { type Any, chat, error, failed, gather, metadataOf, scatter, unary } from "./calls.ts";
import { describeTwins } from "./twin.ts";

describeTwins("a handler's error", (same) => {
  const cases: [string, Any, unknown][] = [
    ["code and details", { code: 5, details: "gone" }, failed(5, "gone")],
    ["an Error", new Error("plain"), failed(2, "plain")],
    ["an Error with a code", error({ code: 7 }), failed(7, "the message")],
    ["an Error with a code and details", error({ code: 7, details: "no" }), failed(7, "no")],
    ["a code that is no number", error({ code: "ENOENT" }), failed(2, "the message")],
    ["a code that is no integer", error({ code: 5.5 }), failed(2, "the message")],
    ["a code that no table has", { code: 99, details: "own" }, failed(99, "own")],
    ["a code without details", { code: 5 }, failed(5, "Unknown Error")],
    ["nothing of it", {}, failed(2, "Unknown Error")],
    ["details without a code", { details: "lost" }, failed(2, "Unknown Error")],
    [
      "metadata",
      error({ code: 5, details: "x", metadata: metadataOf({ "x-more": "1" }) }),
      failed(5, "x", { "x-more": "1" }),
    ],
    ["empty details", { code: 5, details: "" }, failed(5, "")],
    [
      "details with what HTTP cannot say",
      { code: 5, details: "50% \n über\u{1f3d4}" },
      failed(5, "50% \n über\u{1f3d4}"),
    ],
    ["every code there is", { code: 16, details: "who" }, failed(16, "who")],
  ];
  for (const [name, value, expected] of cases) {
    same(
      `of a unary one: ${name}`,
      (twin) => unary(twin, (_call: Any, callback: Any) => callback(value)),
      expected,
    );
    same(
      `of one that reads a stream: ${name}`,
      (twin) => gather(twin, (_call: Any, callback: Any) => callback(value)),
      expected,
    );
    same(
      `of one that writes a stream: ${name}`,
      (twin) => scatter(twin, (call: Any) => call.emit("error", value)),
      expected,
    );
    same(
      `of one that does both: ${name}`,
      (twin) => chat(twin, (call: Any) => call.emit("error", value)),
      expected,
    );
  }
  same(
    "the trailers given to the callback win over the error's",
    (twin) =>
      unary(twin, (_call: Any, callback: Any) =>
        callback(
          error({ code: 5, details: "x", metadata: metadataOf({ "x-a": "1" }) }),
          null,
          metadataOf({ "x-b": "2" }),
        ),
      ),
    failed(5, "x", { "x-b": "2" }),
  );
  same(
    "google.rpc.Status among the metadata arrives",
    (twin) =>
      unary(twin, (_call: Any, callback: Any) =>
        callback({
          code: 5,
          details: "x",
          metadata: metadataOf({ "grpc-status-details-bin": Buffer.from([8, 5]) }),
        }),
      ),
    failed(5, "x", { "grpc-status-details-bin": "bytes 0805" }),
  );
  same(
    "half of a surrogate pair is replaced",
    async (twin) => {
      if (!twin.isOurs) return [5, "replaced"];
      const { code, details } = await unary(twin, (_call: Any, callback: Any) =>
        callback({ code: 5, details: "a\ud800b" }),
      );
      return [code, details];
    },
    [5, "replaced"],
    { answer: [5, "a\ufffdb"], because: "encodeURI throws there" },
  );
  same(
    "the status cannot be overwritten by metadata",
    async (twin) => {
      const { code } = await unary(twin, (_call: Any, callback: Any) =>
        callback({ code: 5, details: "x", metadata: metadataOf({ "grpc-status": "0" }) }),
      );
      return code;
    },
    0,
    { answer: 5, because: "the protocol's fields are its own" },
  );

  const throwing = () => {
    throw new Error("SECRET");
  };
  same("thrown by a unary one, is not told", (twin) => unary(twin, throwing), failed(2, "Unknown error"));
  same(
    "thrown by one that reads a stream, is not told",
    (twin) => gather(twin, throwing),
    failed(2, "Unknown error"),
  );
  same(
    "thrown by one that writes a stream, is not told",
    (twin) => scatter(twin, throwing),
    failed(2, "Unknown error"),
  );
  same(
    "thrown by one that does both, is not told",
    (twin) => chat(twin, throwing),
    failed(2, "Unknown error"),
  );
  for (const [name, run] of [
    ["unary", unary],
    ["gather", gather],
    ["scatter", scatter],
    ["chat", chat],
  ] as const) {
    same(
      `of an async ${name} handler: its rejection is heard`,
      async (twin) => {
        // grpc-js leaves it to the process, which would end.
        if (!twin.isOurs) return "unhandled";
        return run(twin, async () => Promise.reject(new Error("SECRET")));
      },
      "unhandled",
      { answer: failed(2, "Unknown error"), because: "a rejected promise is an error like any other" },
    );
  }
});
