import { type Any, failed, metadataOf, ok, unary } from "./calls.ts";
import { describeTwins } from "./twin.ts";

describeTwins("a unary handler", (same) => {
  same(
    "answers with a value",
    (twin) => unary(twin, (call: Any, callback: Any) => callback(null, `hi ${call.request}`)),
    ok(["hi a"]),
  );
  same(
    "answers with an empty value",
    (twin) => unary(twin, (_call: Any, callback: Any) => callback(null, "")),
    ok([""]),
  );
  same(
    "gets an empty request",
    (twin) => unary(twin, (call: Any, callback: Any) => callback(null, `[${call.request}]`), ""),
    failed(12, "Received no request message for server streaming method /test.Echo/Unary"),
    { answer: ok(["[]"]), because: "a request that decodes to something falsy is one" },
  );
  same(
    "answers with a megabyte",
    async (twin) => {
      const { messages } = await unary(
        twin,
        (call: Any, callback: Any) => callback(null, call.request),
        "x".repeat(1_000_000),
      );
      return messages[0].length;
    },
    1_000_000,
  );
  same(
    "answers later",
    (twin) => unary(twin, (_call: Any, callback: Any) => setImmediate(callback, null, "late")),
    ok(["late"]),
  );
  same(
    "may be async",
    (twin) => unary(twin, async (_call: Any, callback: Any) => callback(null, "async")),
    ok(["async"]),
  );
  same(
    "answers with trailers",
    (twin) =>
      unary(twin, (_call: Any, callback: Any) =>
        callback(null, "x", metadataOf({ "x-tail": "1", "x-bin": Buffer.from([1, 255]) })),
      ),
    ok(["x"], { "x-tail": "1", "x-bin": "bytes 01ff" }),
  );
  same(
    "takes flags",
    (twin) => unary(twin, (_call: Any, callback: Any) => callback(null, "x", undefined, 2)),
    ok(["x"]),
  );
  same(
    "sends metadata before the answer",
    (twin) =>
      unary(twin, (call: Any, callback: Any) => {
        call.sendMetadata(metadataOf({ "x-head": "1" }));
        callback(null, "x");
      }),
    ok(["x"], {}, { "x-head": "1" }),
  );
  same(
    "sends metadata once",
    (twin) =>
      unary(twin, (call: Any, callback: Any) => {
        call.sendMetadata(metadataOf({ "x-head": "1" }));
        call.sendMetadata(metadataOf({ "x-head": "2" }));
        callback(null, "x");
      }),
    ok(["x"], {}, { "x-head": "1" }),
  );
  same(
    "sends metadata and then an error",
    (twin) =>
      unary(twin, (call: Any, callback: Any) => {
        call.sendMetadata(metadataOf({ "x-head": "1" }));
        callback({ code: 5, details: "gone" });
      }),
    { ...failed(5, "gone"), headers: { "x-head": "1" } },
  );
  same(
    "calls back once; more is ignored",
    (twin) =>
      unary(twin, (_call: Any, callback: Any) => {
        callback(null, "first");
        callback(null, "second");
        callback({ code: 5, details: "third" });
      }),
    failed(5, "third", {}, ["first", "second"]),
    { answer: ok(["first"]), because: "one call has one answer" },
  );
});
