import { connect } from "node:net";
import { type Any, hanging, upper } from "./calls.ts";
import { describeTwins, signal } from "./twin.ts";

describeTwins("shutdown", (same) => {
  same(
    "tryShutdown of a server that was never bound",
    async ({ server }) => new Promise((resolve) => server.tryShutdown((error) => resolve(error ?? "fine"))),
    "fine",
  );
  same(
    "tryShutdown waits for the calls that run",
    async (twin) => {
      const begun = signal<Any>();
      await twin.serve(hanging(begun.set));
      const events: string[] = [];
      const answer = twin.call("Unary", "a").then(({ messages }) => events.push(`answer ${messages}`));
      const call = await begun.done;
      const isDown = new Promise<void>((resolve) => twin.server.tryShutdown(() => resolve())).then(() =>
        events.push("down"),
      );
      setImmediate(() => call.callback(null, "late"));
      await Promise.all([answer, isDown]);
      return events.sort();
    },
    ["answer late", "down"],
  );
  same(
    "tryShutdown refuses new connections",
    async (twin) => {
      await twin.serve(upper);
      await new Promise<void>((resolve) => twin.server.tryShutdown(() => resolve()));
      return new Promise((resolve) =>
        connect(twin.port, "127.0.0.1").on("error", (error: NodeJS.ErrnoException) => resolve(error.code)),
      );
    },
    "ECONNREFUSED",
  );
  same(
    "tryShutdown ends idle connections",
    async (twin) => {
      await twin.serve(upper);
      await twin.call("Unary", "a");
      await new Promise<void>((resolve) => twin.server.tryShutdown(() => resolve()));
      return "down";
    },
    "down",
  );
  same(
    "tryShutdown may be called twice",
    async (twin) => {
      await twin.serve(upper);
      const down = () => new Promise<void>((resolve) => twin.server.tryShutdown(() => resolve()));
      await Promise.all([down(), down()]);
      return "down";
    },
    "down",
  );
  same(
    "forceShutdown cancels what runs",
    async (twin) => {
      await twin.serve(hanging(() => {}));
      const { code } = await twin.call("Chat", "a", { onReply: () => twin.server.forceShutdown() });
      return code;
    },
    1,
  );
  same(
    "forceShutdown helps a tryShutdown that waits",
    async (twin) => {
      const begun = signal<Any>();
      await twin.serve(hanging(begun.set));
      twin.call("Unary", "a");
      await begun.done;
      const isDown = new Promise<string>((resolve) => twin.server.tryShutdown(() => resolve("down")));
      twin.server.forceShutdown();
      return isDown;
    },
    "down",
  );
  same("forceShutdown of a server that was never bound", ({ server }) => server.forceShutdown(), undefined);
});
