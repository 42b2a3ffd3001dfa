import { type Any, chat, gather, ok } from "./calls.ts";
import { describeTwins } from "./twin.ts";

describeTwins("a handler that reads a stream", (same) => {
  const collect = (call: Any, callback: Any) => {
    const texts: string[] = [];
    call.on("data", (text: string) => texts.push(text));
    call.on("end", () => callback(null, texts.join()));
  };
  same("gets every message and the end", (twin) => gather(twin, collect, ["a", "b", "c"]), ok(["a,b,c"]));
  same("gets no message", (twin) => gather(twin, collect, []), ok([""]));
  same(
    "gets a thousand messages in order",
    (twin) =>
      gather(
        twin,
        collect,
        Array.from({ length: 1000 }, (_, i) => String(i)),
      ),
    ok([Array.from({ length: 1000 }, (_, i) => i).join()]),
  );
  same(
    "may be an async iteration",
    (twin) =>
      gather(twin, async (call: Any, callback: Any) => {
        let all = "";
        for await (const text of call) all += text;
        callback(null, all);
      }),
    ok(["ab"]),
  );
  same(
    "may use read and readable",
    (twin) =>
      gather(twin, (call: Any, callback: Any) => {
        let all = "";
        call.on("readable", () => {
          for (let text = call.read(); text !== null; text = call.read()) all += text;
        });
        call.on("end", () => callback(null, all));
      }),
    ok(["ab"]),
  );
  same(
    "may pause and resume",
    (twin) =>
      gather(twin, (call: Any, callback: Any) => {
        let all = "";
        call.on("data", (text: string) => {
          all += text;
          call.pause();
          setImmediate(() => call.resume());
        });
        call.on("end", () => callback(null, all));
      }),
    ok(["ab"]),
  );
  same(
    "may answer before the client is done",
    async (twin) => {
      await twin.serve({ gather: (_call: Any, callback: Any) => callback(null, "early") });
      return (await twin.call("Gather", ["a"], { onReply: () => {} })).messages;
    },
    ["early"],
  );
  same("may pipe", (twin) => chat(twin, (call: Any) => call.pipe(call)), ok(["a", "b"]));
});
