import { type Any, failed, metadataOf, ok, scatter } from "./calls.ts";
import { describeTwins, signal } from "./twin.ts";

describeTwins("a handler that writes a stream", (same) => {
  const writing =
    (...texts: string[]) =>
    (call: Any) => {
      for (const text of texts) call.write(text);
      call.end();
    };
  same("sends every message", (twin) => scatter(twin, writing("1", "2", "3")), ok(["1", "2", "3"]));
  same("sends none", (twin) => scatter(twin, writing()), ok([]));
  same(
    "has the request",
    (twin) => scatter(twin, (call: Any) => writing(call.request)(call), "the request"),
    ok(["the request"]),
  );
  same(
    "ends with trailers",
    (twin) =>
      scatter(twin, (call: Any) => {
        call.write("1");
        call.end(metadataOf({ "x-tail": "1" }));
      }),
    ok(["1"], { "x-tail": "1" }),
  );
  same(
    "sends metadata first",
    (twin) =>
      scatter(twin, (call: Any) => {
        call.sendMetadata(metadataOf({ "x-head": "1" }));
        writing("1")(call);
      }),
    ok(["1"], {}, { "x-head": "1" }),
  );
  same(
    "hears that a message is written",
    (twin) => scatter(twin, (call: Any) => call.write("1", () => call.write("2", () => call.end()))),
    ok(["1", "2"]),
  );
  same(
    "is told to wait, and hears drain",
    (twin) =>
      scatter(twin, (call: Any) => {
        let count = 0;
        const more = () => {
          while (count < 100) if (!call.write(String(count++))) return call.once("drain", more);
          return call.end(metadataOf({ "x-count": String(count) }));
        };
        more();
      }),
    ok(
      Array.from({ length: 100 }, (_, i) => String(i)),
      { "x-count": "100" },
    ),
  );
  same(
    "an error comes after what was written",
    (twin) =>
      scatter(twin, (call: Any) => {
        call.write("1");
        call.write("2");
        call.emit("error", { code: 9, details: "no more" });
      }),
    failed(9, "no more", {}, ["1", "2"]),
  );
  same(
    "destroy with an error is the status",
    async (twin) => {
      // There the client waits for ever.
      if (!twin.isOurs) return "no status";
      const { code, details } = await scatter(twin, (call: Any) => {
        call.destroy(Object.assign(new Error("broken"), { code: 10 }));
      });
      return [code, details];
    },
    "no status",
    { answer: [10, "broken"], because: "every call has a status" },
  );
  same(
    "hears finish and close",
    async (twin) => {
      const events: string[] = [];
      const closed = signal();
      await scatter(twin, (call: Any) => {
        for (const event of ["finish", "close"]) call.on(event, () => events.push(event));
        call.on("close", closed.set);
        call.end();
      });
      await closed.done;
      return events;
    },
    ["finish", "close"],
  );
  same(
    "may pipe into it from another stream",
    async (twin) =>
      scatter(twin, async (call: Any) => {
        const { Readable } = await import("node:stream");
        Readable.from(["x", "y"]).pipe(call);
      }),
    ok(["x", "y"]),
  );
});
