import { createServer } from "node:net";
import { join } from "node:path";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { callWith, describeTwins, echo, rejected, signal, type Twin, thrown } from "./twin.ts";

// biome-ignore lint/suspicious/noExplicitAny: handlers and arguments of both servers, as users of JavaScript write them
type Any = any;
const upper = { unary: (call: Any, callback: Any) => callback(null, call.request.toUpperCase()) };
const insecure = ({ grpc }: Twin) => grpc.ServerCredentials.createInsecure();

describeTwins("binding", (same) => {
  same(
    "the port must be a text",
    (twin) => thrown(() => twin.server.bindAsync(null as Any, insecure(twin), () => {})),
    "TypeError: port must be a string",
  );
  for (const [name, credentials] of [
    ["null", () => null],
    ["undefined", () => undefined],
    ["a channel's", ({ grpc }: Twin) => grpc.credentials.createInsecure()],
    ["an empty object", () => ({})],
  ] as [string, (twin: Twin) => Any][]) {
    same(
      `credentials: ${name}`,
      (twin) => thrown(() => twin.server.bindAsync("localhost:0", credentials(twin), () => {})),
      "TypeError: creds must be a ServerCredentials object",
    );
  }
  same(
    "the callback must be a function",
    (twin) => thrown(() => twin.server.bindAsync("localhost:0", insecure(twin), null as Any)),
    "TypeError: callback must be a function",
  );
  same(
    "a port that cannot be parsed",
    (twin) =>
      thrown(() => twin.server.bindAsync("", insecure(twin), () => {})).startsWith("Error: Could not"),
    true,
  );
  for (const address of [
    "127.0.0.1:0",
    "localhost:0",
    "[::1]:0",
    "0.0.0.0:0",
    "[::]:0",
    "dns:127.0.0.1:0",
    "dns:///localhost:0",
  ]) {
    same(
      `${address} gets a port of the system's, and serves`,
      async (twin) => {
        twin.add(upper);
        const port = await twin.bind(address);
        const host = address.includes("::1") ? "[::1]" : "127.0.0.1";
        const { messages } = await callWith(twin.newClient(`${host}:${port}`), "Unary", "a", {});
        return [port > 0, messages];
      },
      [true, ["A"]],
    );
  }
  same(
    "a Unix domain socket has port 1, and serves",
    async (twin) => {
      const folder = temporaryFolder({});
      const path = join(folder.path, "s");
      twin.add(upper);
      const port = await twin.bind(`unix:${path}`);
      const { messages } = await callWith(twin.newClient(`unix:${path}`), "Unary", "a", {});
      folder.remove();
      return [port, messages];
    },
    [1, ["A"]],
  );
  same(
    "the callback comes later",
    async (twin) => {
      let isLater = false;
      const { done, set } = signal<boolean>();
      twin.server.bindAsync("127.0.0.1:0", insecure(twin), () => set(isLater));
      isLater = true;
      return done;
    },
    true,
  );
  same(
    "binding a bound port again with equal credentials gives the port",
    async (twin) => {
      const port = await twin.bind();
      return (await twin.bind(`127.0.0.1:${port}`)) === port;
    },
    true,
  );
  same(
    "binding it with others does not",
    async (twin) => {
      const port = await twin.bind();
      const others = twin.grpc.ServerCredentials.createSsl(null, []);
      return (await rejected(twin.bind(`127.0.0.1:${port}`, others))).replace(String(port), "PORT");
    },
    "127.0.0.1:PORT already bound with incompatible credentials",
  );
  same(
    "a port in use: no address added, and port 0",
    async (twin) => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
      const { port } = taken.address() as { port: number };
      const { done, set } = signal<unknown>();
      twin.server.bindAsync(`127.0.0.1:${port}`, insecure(twin), (error, bound) =>
        set([
          /^No address added out of total 1 resolved/.test(error!.message),
          /EADDRINUSE/.test(error!.message),
          bound,
        ]),
      );
      const result = await done;
      taken.close();
      return result;
    },
    [true, true, 0],
  );
  same(
    "one server listens on several ports",
    async (twin) => {
      twin.add(upper);
      const ports = [await twin.bind(), await twin.bind()];
      const answers = ports.map((port) => callWith(twin.newClient(`127.0.0.1:${port}`), "Unary", "a", {}));
      return (await Promise.all(answers)).map(({ messages }) => messages[0]);
    },
    ["A", "A"],
  );
  same(
    "bindAsync after shutdown throws",
    async (twin) => {
      await new Promise((resolve) => twin.server.tryShutdown(resolve));
      return thrown(() => twin.server.bindAsync("127.0.0.1:0", insecure(twin), () => {}));
    },
    "Error: bindAsync called after shutdown",
  );

  same(
    "unbind refuses port 0",
    ({ server }) => thrown(() => server.unbind("localhost:0")),
    "Error: Cannot unbind port 0",
  );
  same(
    "unbind of what is not bound is fine",
    ({ server }) => thrown(() => server.unbind("localhost:1")),
    "nothing",
  );
  same(
    "unbind frees the port",
    async (twin) => {
      const port = await twin.bind();
      twin.server.unbind(`127.0.0.1:${port}`);
      const next = createServer();
      const isFree = await new Promise((resolve) =>
        next.on("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true)),
      );
      next.close();
      return isFree;
    },
    true,
  );
  same(
    "unbind lets a call that runs finish",
    async (twin) => {
      const started = signal<Any>();
      await twin.serve({ unary: (_call: Any, callback: Any) => started.set(callback) });
      const answer = twin.short("Unary", "a");
      const callback = await started.done;
      twin.server.unbind(`127.0.0.1:${twin.port}`);
      callback(null, "late");
      return answer;
    },
    ["late"],
  );
  same(
    "unbind cancels a bindAsync under way",
    async (twin) => {
      const probe = createServer();
      await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
      const { port } = probe.address() as { port: number };
      await new Promise((resolve) => probe.close(resolve));
      const bound = rejected(twin.bind(`127.0.0.1:${port}`));
      twin.server.unbind(`127.0.0.1:${port}`);
      return bound;
    },
    "bindAsync operation cancelled by unbind call",
  );

  same(
    "drain refuses port 0",
    ({ server }) => thrown(() => server.drain("localhost:0", 1)),
    "Error: Cannot drain port 0",
  );
  same(
    "drain of what is not bound is fine",
    ({ server }) => thrown(() => server.drain("localhost:1", 1)),
    "nothing",
  );
  same(
    "drain cancels after its grace",
    async (twin) => {
      await twin.serve({
        chat(call: Any) {
          call.on("error", () => {});
          call.write("begun");
        },
      });
      const { code } = await twin.call("Chat", "a", {
        onReply: () => twin.server.drain(`127.0.0.1:${twin.port}`, 10),
      });
      return code;
    },
    1,
  );
  same(
    "drain lets new calls come",
    async (twin) => {
      await twin.serve(upper);
      await twin.call("Unary", "a");
      twin.server.drain(`127.0.0.1:${twin.port}`, 10_000);
      return (await callWith(twin.newClient(`127.0.0.1:${twin.port}`), "Unary", "b", {})).messages;
    },
    ["B"],
  );

  same(
    "start before anything is bound throws",
    ({ server }) => thrown(() => server.start()),
    "Error: server must be bound in order to start",
  );
  same(
    "start works once",
    async (twin) => {
      await twin.bind();
      return [thrown(() => twin.server.start()), thrown(() => twin.server.start())];
    },
    ["nothing", "Error: server is already started"],
  );
  same("a bound server serves without start", async (twin) => (await twin.serve(upper)).short("Unary", "a"), [
    "A",
  ]);
  same("the definition's names are those of its keys", () => Object.keys(echo), [
    "Unary",
    "Gather",
    "Scatter",
    "Chat",
  ]);
});
