import { type Any, chat, failed, metadataOf, ok } from "./calls.ts";
import { describeTwins } from "./twin.ts";

describeTwins("a handler that does both", (same) => {
  const echo = (call: Any) => {
    call.on("data", (text: string) => call.write(`${text}!`));
    call.on("end", () => call.end());
  };
  same("answers each message", (twin) => chat(twin, echo), ok(["a!", "b!"]));
  same("answers none", (twin) => chat(twin, echo, []), ok([]));
  same(
    "speaks first, and waits for the answer",
    async (twin) => {
      await twin.serve({
        chat(call: Any) {
          call.write("you first");
          call.on("data", (text: string) => {
            call.write(`you said ${text}`);
            call.end();
          });
        },
      });
      const { messages, code } = await twin.call("Chat", [], {
        onReply: (call) => {
          call.write("hello");
          call.end();
        },
      });
      return [messages.slice(0, 2), code];
    },
    [["you first", "you said hello"], 0],
  );
  same(
    "ends with trailers",
    (twin) =>
      chat(twin, (call: Any) => {
        call.resume();
        call.on("end", () => call.end(metadataOf({ "x-tail": "1" })));
      }),
    ok([], { "x-tail": "1" }),
  );
  same(
    "ends with an error after messages",
    (twin) =>
      chat(twin, (call: Any) => {
        call.on("data", (text: string) => {
          if (text === "b") call.emit("error", { code: 3, details: "not b" });
          else call.write(text);
        });
      }),
    failed(3, "not b", {}, ["a"]),
  );
  same(
    "ends before the client does",
    async (twin) => {
      await twin.serve({
        chat(call: Any) {
          call.write("bye");
          call.end();
        },
      });
      const { messages, code } = await twin.call("Chat", ["a"], { onReply: () => {} });
      return [messages, code];
    },
    [["bye"], 0],
  );
});
