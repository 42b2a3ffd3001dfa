import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { expect } from "chai";
import { HealthImplementation, protoPath as healthProto } from "grpc-health-check";
import { defer } from "./support/defer.ts";
import { service } from "./support/service.ts";
import { describeTwins, type GrpcModule, type Twin } from "./support/twins.ts";

const require = createRequire(import.meta.url);
const greeterProto = fileURLToPath(new URL("../../proto/helloworld/greeter.proto", import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: messages of .proto files that are loaded at run time
type Reply = any;

/** A client of a service in loaded .proto files, by its full name. */
function clientOf(twin: Twin, loaded: PackageDefinition, name: string, target: string): Client & Reply {
  let found: Reply = loadPackageDefinition(loaded);
  for (const part of name.split(".")) found = found[part];
  const client = new (found as ServiceClientConstructor)(target, twin.grpc.credentials.createInsecure());
  twin.cleanUp(() => client.close());
  return client;
}

describeTwins("grpc-health-check", (twin) => {
  const loaded = loadSync(healthProto, { enums: String });

  async function serve(statuses: ConstructorParameters<typeof HealthImplementation>[0]) {
    const health = new HealthImplementation(statuses);
    const server = twin.createServer();
    health.addToServer(server);
    const { target } = await twin.listen(server);
    const client = clientOf(twin, loaded, "grpc.health.v1.Health", target);
    const check = (name: string) =>
      new Promise<string>((resolve) =>
        client.check({ service: name }, (error: Reply, reply: Reply) => resolve(error?.code ?? reply.status)),
      );
    return { health, client, check };
  }

  it("answers checks", async () => {
    const { health, check } = await serve({ "": "SERVING", one: "NOT_SERVING" });
    expect([await check(""), await check("one"), await check("two")]).to.deep.equal([
      "SERVING",
      "NOT_SERVING",
      5,
    ]);
    health.setStatus("one", "SERVING");
    expect(await check("one")).to.equal("SERVING");
  });

  it("tells watchers of changes", async () => {
    const { health, client } = await serve({ one: "NOT_SERVING" });
    const statuses: string[] = [];
    const second = defer();
    const call = client.watch({ service: "one" });
    call.on("error", () => {});
    call.on("data", ({ status }: Reply) => {
      statuses.push(status);
      if (statuses.length === 1) health.setStatus("one", "SERVING");
      else second.resolve();
    });
    await second.promise;
    call.cancel();
    expect(statuses).to.deep.equal(["NOT_SERVING", "SERVING"]);
  });
});

describeTwins("@grpc/reflection", (twin) => {
  const folder = join(dirname(require.resolve("@grpc/reflection/package.json")), "build/proto");

  for (const version of ["v1", "v1alpha"]) {
    async function ask(request: object): Promise<Reply> {
      const server = twin.createServer();
      new ReflectionService(loadSync(greeterProto)).addToServer(server);
      const { target } = await twin.listen(server);
      const loaded = loadSync(join(folder, `grpc/reflection/${version}/reflection.proto`));
      const client = clientOf(twin, loaded, `grpc.reflection.${version}.ServerReflection`, target);
      const call = client.serverReflectionInfo();
      const replies: Reply[] = [];
      const ended = defer();
      call.on("data", (reply: Reply) => replies.push(reply));
      call.on("end", () => ended.resolve());
      call.on("error", (error: Error) => ended.reject(error));
      call.write(request);
      call.end();
      await ended.promise;
      expect(replies).to.have.length(1);
      return replies[0];
    }

    it(`lists services by ${version}`, async () => {
      const { listServicesResponse } = await ask({ listServices: "*" });
      expect(listServicesResponse.service.map(({ name }: Reply) => name)).to.include("helloworld.Greeter");
    });

    it(`describes a service by ${version}`, async () => {
      const { fileDescriptorResponse } = await ask({ fileContainingSymbol: "helloworld.Greeter" });
      expect(String(fileDescriptorResponse.fileDescriptorProto[0])).to.include("SayHello");
    });
  }
});

/** nice-grpc as it is, with this twin's Server where it asks grpc-js for one. */
function niceGrpcOn(grpc: GrpcModule): Reply {
  const grpcJsPath = require.resolve("@grpc/grpc-js");
  const original = require("@grpc/grpc-js") as GrpcModule;
  const loaded = require.cache[grpcJsPath] as NodeJS.Module;
  const forget = () => {
    for (const path of Object.keys(require.cache))
      if (path.includes("/nice-grpc/")) delete require.cache[path];
  };
  forget();
  // What a loader hook that maps "@grpc/grpc-js" to "yodel/grpc-js" does for a whole program.
  loaded.exports = { ...original, Server: grpc.Server };
  try {
    return require("nice-grpc");
  } finally {
    loaded.exports = original;
    forget();
  }
}

describeTwins("nice-grpc", (twin) => {
  const nice = niceGrpcOn(twin.grpc);

  interface Context {
    metadata: Reply;
    header: Reply;
    trailer: Reply;
    signal: AbortSignal;
    peer: string;
  }

  /** A server of nice-grpc on the twin's, and a client of nice-grpc. */
  async function serve(
    implementation: object,
    middleware?: Reply,
  ): Promise<{ client: Reply; server: Reply }> {
    const { Unary, ClientStream, ServerStream, Bidi } = service;
    const methods = { unary: Unary, clientStream: ClientStream, serverStream: ServerStream, bidi: Bidi };
    // Each method of a definition has to have a handler.
    const definition = Object.fromEntries(Object.entries(methods).filter(([name]) => name in implementation));
    const bare = nice.createServer();
    const server = middleware === undefined ? bare : bare.use(middleware);
    server.add(definition, implementation);
    const port = await server.listen("localhost:0");
    twin.cleanUp(() => server.forceShutdown());
    const channel = nice.createChannel(`localhost:${port}`);
    twin.cleanUp(() => channel.close());
    return { client: nice.createClient(definition, channel), server };
  }

  it("serves unary calls", async () => {
    const { client } = await serve({ unary: async ({ text }: Reply) => ({ text: text.toUpperCase() }) });
    expect(await client.unary({ text: "a" })).to.deep.equal({ text: "A" });
  });

  it("serves streams of requests", async () => {
    const { client } = await serve({
      clientStream: async (requests: AsyncIterable<Reply>) => {
        let text = "";
        for await (const request of requests) text += request.text;
        return { text };
      },
    });
    expect(await client.clientStream(messages("a", "b", "c"))).to.deep.equal({ text: "abc" });
  });

  it("serves streams of replies", async () => {
    const { client } = await serve({
      serverStream: async function* ({ text }: Reply) {
        for (const letter of text) yield { text: letter };
      },
    });
    expect(await all(client.serverStream({ text: "abc" }))).to.deep.equal(["a", "b", "c"]);
  });

  it("serves streams both ways", async () => {
    const { client } = await serve({
      bidi: async function* (requests: AsyncIterable<Reply>) {
        for await (const { text } of requests) yield { text: text.toUpperCase() };
      },
    });
    expect(await all(client.bidi(messages("a", "b")))).to.deep.equal(["A", "B"]);
  });

  it("passes metadata on, both ways", async () => {
    const { client } = await serve({
      unary: async ({ text }: Reply, context: Context) => {
        context.header.set("first", `${context.metadata.get("own")}`);
        context.trailer.set("last", "2");
        return { text };
      },
    });
    const seen: string[] = [];
    await client.unary(
      { text: "" },
      {
        metadata: nice.Metadata({ own: "1" }),
        onHeader: (header: Reply) => seen.push(header.get("first")),
        onTrailer: (trailer: Reply) => seen.push(trailer.get("last")),
      },
    );
    expect(seen).to.deep.equal(["1", "2"]);
  });

  it("answers with errors", async () => {
    const { client } = await serve({
      unary: async () => {
        throw new nice.ServerError(nice.Status.NOT_FOUND, "no such thing");
      },
    });
    const error = await client.unary({ text: "" }).catch((reason: unknown) => reason);
    expect([error.code, error.details]).to.deep.equal([nice.Status.NOT_FOUND, "no such thing"]);
  });

  it("tells a handler that its client has gone", async () => {
    const begun = defer();
    const aborted = defer();
    const { client } = await serve({
      unary: (_request: Reply, { signal }: Context) => {
        signal.addEventListener("abort", () => aborted.resolve());
        begun.resolve();
        return aborted.promise.then(() => ({ text: "" }));
      },
    });
    const controller = new AbortController();
    const outcome = client
      .unary({ text: "" }, { signal: controller.signal })
      .catch((reason: Error) => reason);
    await begun.promise;
    controller.abort();
    await aborted.promise;
    expect((await outcome).name).to.equal("AbortError");
  });

  it("runs middleware", async () => {
    const paths: string[] = [];
    const { client } = await serve(
      { unary: async ({ text }: Reply) => ({ text }) },
      async function* (call: Reply, context: Context) {
        paths.push(call.method.path);
        return yield* call.next(call.request, context);
      },
    );
    expect(await client.unary({ text: "a" })).to.deep.equal({ text: "a" });
    expect(paths).to.deep.equal(["/twin.Test/Unary"]);
  });

  it("shuts down once its calls are done", async () => {
    const begun = defer();
    const go = defer();
    const { client, server } = await serve({
      unary: async ({ text }: Reply) => {
        begun.resolve();
        await go.promise;
        return { text };
      },
    });
    const outcome = client.unary({ text: "slow" });
    await begun.promise;
    const over = server.shutdown();
    go.resolve();
    expect(await outcome).to.deep.equal({ text: "slow" });
    await over;
  });
});

async function* messages(...texts: string[]): AsyncGenerator<{ text: string }> {
  for (const text of texts) yield { text };
}

async function all(replies: AsyncIterable<{ text: string }>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of replies) texts.push(text);
  return texts;
}
