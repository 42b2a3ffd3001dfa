import { createRequire } from "node:module";
import * as real from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation, protoPath } from "grpc-health-check";
import { callWith, describeTwins, echo, type Grpc } from "./twin.ts";

// biome-ignore lint/suspicious/noExplicitAny: libraries in JavaScript
type Any = any;

const require = createRequire(import.meta.url);

/** A client of a service of a .proto file. */
function clientOf(definition: Any, path: string[], port: number): Any {
  let found = real.loadPackageDefinition(definition) as Any;
  for (const name of path) found = found[name];
  return new found(`127.0.0.1:${port}`, real.credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
}

/** nice-grpc makes its Server itself: it is loaded with another one in its place. */
function niceGrpcOn(grpc: Grpc): Any {
  const path = require.resolve("@grpc/grpc-js");
  const original = require("@grpc/grpc-js");
  for (const name of Object.keys(require.cache)) if (name.includes("/nice-grpc/")) delete require.cache[name];
  require.cache[path]!.exports = { ...original, Server: grpc.Server };
  try {
    return require("nice-grpc");
  } finally {
    require.cache[path]!.exports = original;
  }
}

describeTwins("grpc-health-check", (same) => {
  same(
    "answers Check and Watch",
    async (twin) => {
      const health = new HealthImplementation({ "": "SERVING", echo: "NOT_SERVING" });
      health.addToServer(twin.server as Any);
      twin.port = await twin.bind();
      const client = clientOf(loadSync(protoPath), ["grpc", "health", "v1", "Health"], twin.port);
      const check = (service: string) =>
        new Promise((resolve) =>
          client.check({ service }, (error: Any, reply: Any) => resolve(error?.code ?? reply.status)),
        );
      const answers = [await check(""), await check("echo"), await check("nobody")];
      const watch = client.watch({ service: "echo" }).on("error", () => {});
      const changes: unknown[] = [];
      await new Promise<void>((resolve) => {
        watch.on("data", ({ status }: Any) => {
          changes.push(status);
          if (changes.length === 1) health.setStatus("echo", "SERVING");
          else resolve();
        });
      });
      watch.cancel();
      client.close();
      return [answers, changes];
    },
    [
      [1, 2, 5],
      [2, 1],
    ],
  );
});

describeTwins("@grpc/reflection", (same) => {
  for (const version of ["v1", "v1alpha"]) {
    same(
      `lists services (${version})`,
      async (twin) => {
        const definition = loadSync("proto/helloworld/greeter.proto");
        new ReflectionService(definition).addToServer(twin.server as Any);
        twin.port = await twin.bind();
        const folder = `node_modules/@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`;
        const client = clientOf(
          loadSync(folder),
          ["grpc", "reflection", version, "ServerReflection"],
          twin.port,
        );
        const call = client.serverReflectionInfo();
        const reply = await new Promise<Any>((resolve, reject) => {
          call.on("data", resolve).on("error", reject);
          call.write({ listServices: "*" });
        });
        call.on("error", () => {});
        call.end();
        client.close();
        return reply.listServicesResponse.service.map(({ name }: Any) => name).includes("helloworld.Greeter");
      },
      true,
    );
  }
});

/** nice-grpc looks for handlers under the keys of the definition, and takes objects for messages only. */
const niceEcho = Object.fromEntries(
  Object.values(echo).map((method) => [
    method.originalName,
    {
      ...method,
      requestDeserialize: (bytes: Buffer) => ({ text: bytes.toString() }),
      responseSerialize: ({ text }: { text: string }) => Buffer.from(text),
    },
  ]),
);
interface Text {
  readonly text: string;
}

describeTwins("nice-grpc", (same) => {
  same(
    "serves all four kinds, metadata and errors",
    async (twin) => {
      const { createServer, ServerError } = niceGrpcOn(twin.grpc);
      const server = createServer();
      server.add(niceEcho, {
        async unary({ text }: Text, context: Any) {
          if (text === "bad") throw new ServerError(3, "bad request");
          context.header.set("x-head", "1");
          context.trailer.set("x-tail", "2");
          return { text: `${text} ${context.metadata.get("x-name")}` };
        },
        async gather(requests: AsyncIterable<Text>) {
          let all = "";
          for await (const { text } of requests) all += text;
          return { text: all };
        },
        async *scatter({ text }: Text) {
          yield { text: `${text}1` };
          yield { text: `${text}2` };
        },
        async *chat(requests: AsyncIterable<Text>) {
          for await (const { text } of requests) yield { text: `${text}!` };
        },
      });
      twin.port = await server.listen("127.0.0.1:0");
      const unary = await twin.call("Unary", "a", { metadata: [["x-name", "ada"]] });
      const bad = await twin.call("Unary", "bad");
      const others = [
        await twin.short("Gather", ["a", "b"]),
        await twin.short("Scatter", "a"),
        await twin.short("Chat", ["a", "b"]),
      ];
      await server.shutdown();
      return [unary.messages, unary.headers, unary.trailers, bad.code, bad.details, ...others];
    },
    [["a ada"], { "x-head": "1" }, { "x-tail": "2" }, 3, "bad request", ["ab"], ["a1", "a2"], ["a!", "b!"]],
  );
  same(
    "aborts its handler when the client cancels",
    async (twin) => {
      const { createServer } = niceGrpcOn(twin.grpc);
      const server = createServer();
      let isAborted: (value: boolean) => void;
      const aborted = new Promise<boolean>((resolve) => {
        isAborted = resolve;
      });
      const wait = async (_request: unknown, context: Any) => {
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        isAborted(context.signal.aborted);
        return "";
      };
      server.add(niceEcho, { unary: wait, gather: wait, async *scatter() {}, async *chat() {} });
      twin.port = await server.listen("127.0.0.1:0");
      const { code } = await callWith(twin.client, "Unary", "a", { options: { deadline: Date.now() + 50 } });
      const result = [code, await aborted];
      server.forceShutdown();
      return result;
    },
    [4, true],
  );
});
