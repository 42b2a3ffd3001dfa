import { type ServerInterceptingCallInterface, type ServerInterceptor, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { metadataOf } from "./support/client.ts";
import { defer } from "./support/defer.ts";
import { echo, logging, servedThrough } from "./support/interceptors.ts";
import { deserialize, type Handlers, serialize } from "./support/service.ts";
import { describeTwins } from "./support/twins.ts";

describeTwins("server interceptors", (twin) => {
  it("see each event of a unary call in order", async () => {
    const log: string[] = [];
    const over = defer();
    const last: ServerInterceptor = (_method, call) =>
      new twin.grpc.ServerInterceptingCall(call, {
        start: (next) => next({ onCancel: () => over.resolve() }),
      });
    const { client } = await twin.serve(echo, { options: { interceptors: [logging(twin, "i", log), last] } });
    await client.unary({ text: "a" });
    await over.promise;
    expect(log).to.deep.equal([
      "i start",
      "i in metadata",
      "i in a",
      "i in end",
      "i out metadata",
      "i out a",
      "i out 0",
      "i cancel",
    ]);
  });

  it("stand in a row: the first is next to the client", async () => {
    const log: string[] = [];
    const over = defer();
    const interceptors = [logging(twin, "1", log), logging(twin, "2", log)];
    const { client } = await twin.serve(
      {
        unary: (call, callback) => {
          log.push("handler");
          call.on("cancelled", () => over.resolve());
          callback(null, call.request);
        },
      },
      { options: { interceptors } },
    );
    await client.unary({ text: "a" });
    await over.promise;
    expect(log).to.deep.equal([
      "2 start",
      "1 start",
      "1 in metadata",
      "2 in metadata",
      "1 in a",
      "2 in a",
      "1 in end",
      "2 in end",
      "handler",
      "2 out metadata",
      "1 out metadata",
      "2 out a",
      "1 out a",
      "2 out 0",
      "1 out 0",
      "1 cancel",
      "2 cancel",
    ]);
  });

  it("see each message of streams", async () => {
    const log: string[] = [];
    const { client } = await twin.serve(echo, { options: { interceptors: [logging(twin, "i", log)] } });
    await client.bidi(["a", "b", "c"]);
    expect(log.filter((entry) => / (in|out) [abc]$/.test(entry)).sort()).to.deep.equal([
      "i in a",
      "i in b",
      "i in c",
      "i out a",
      "i out b",
      "i out c",
    ]);
  });

  it("know the method", async () => {
    const seen: unknown[] = [];
    const interceptor: ServerInterceptor = (method, call) => {
      const { path, requestStream, responseStream, requestDeserialize, responseSerialize } = method;
      seen.push([path, requestStream, responseStream]);
      expect([requestDeserialize, responseSerialize]).to.deep.equal([deserialize, serialize]);
      return new twin.grpc.ServerInterceptingCall(call);
    };
    const { client } = await twin.serve({}, { options: { interceptors: [interceptor] } });
    await client.unary();
    await client.clientStream([]);
    await client.serverStream();
    await client.bidi([]);
    expect(seen).to.deep.equal([
      ["/twin.Test/Unary", false, false],
      ["/twin.Test/ClientStream", true, false],
      ["/twin.Test/ServerStream", false, true],
      ["/twin.Test/Bidi", true, true],
    ]);
  });

  it("are not asked about methods that there are not", async () => {
    let count = 0;
    const interceptor: ServerInterceptor = (_method, call) => {
      count++;
      return new twin.grpc.ServerInterceptingCall(call);
    };
    const { client } = await twin.serve(echo, { options: { interceptors: [interceptor] } });
    expect((await client.unary({ text: "" }, {}, "/twin.Test/None")).code).to.equal(status.UNIMPLEMENTED);
    expect(count).to.equal(0);
  });

  it("change the metadata of a request", async () => {
    const handlers: Handlers = {
      unary: (call, callback) => callback(null, { text: String(call.metadata.get("user")) }),
    };
    const { client } = await servedThrough(
      twin,
      handlers,
      {},
      {
        onReceiveMetadata: (metadata, next) => {
          metadata.set("user", `${metadata.get("authorization")}, known`);
          next(metadata);
        },
      },
    );
    const { messages } = await client.unary({ text: "" }, { metadata: metadataOf({ authorization: "me" }) });
    expect(messages).to.deep.equal([{ text: "me, known" }]);
  });

  it("replace the metadata of a request", async () => {
    const handlers: Handlers = {
      clientStream: (call, callback) => {
        call.resume();
        call.on("end", () => callback(null, { text: String(call.metadata.get("user")) }));
      },
    };
    const { client } = await servedThrough(
      twin,
      handlers,
      {},
      {
        onReceiveMetadata: (_metadata, next) => next(metadataOf({ user: "somebody else" })),
      },
    );
    expect((await client.clientStream([])).messages).to.deep.equal([{ text: "somebody else" }]);
  });

  it("change requests and replies", async () => {
    const { client } = await servedThrough(
      twin,
      echo,
      { sendMessage: (message, next) => next({ text: `${message.text} out` }) },
      { onReceiveMessage: (message, next) => next({ text: `${message.text} in` }) },
    );
    expect((await client.bidi(["a", "b"])).messages).to.deep.equal([
      { text: "a in out" },
      { text: "b in out" },
    ]);
  });

  it("change the metadata of an answer", async () => {
    const { client } = await servedThrough(twin, echo, {
      sendMetadata: (metadata, next) => {
        metadata.set("server", "twin");
        next(metadata);
      },
    });
    expect((await client.unary()).headers).to.deep.equal({ server: ["twin"] });
  });

  it("change the status", async () => {
    const { client } = await servedThrough(twin, echo, {
      sendStatus: (sent, next) =>
        next({ ...sent, code: status.DATA_LOSS, details: "changed", metadata: metadataOf({ end: "1" }) }),
    });
    expect(await client.unary()).to.deep.include({
      code: status.DATA_LOSS,
      details: "changed",
      trailers: { end: ["1"] },
    });
  });

  it("see the status of an error, with its metadata", async () => {
    const seen = defer<unknown>();
    const { client } = await servedThrough(
      twin,
      {
        unary: (_call, callback) => callback({ code: 9, details: "no", metadata: metadataOf({ end: "1" }) }),
      },
      {
        sendStatus: (sent, next) => {
          seen.resolve([sent.code, sent.details, sent.metadata?.get("end")]);
          next(sent);
        },
      },
    );
    expect((await client.unary()).code).to.equal(9);
    expect(await seen.promise).to.deep.equal([9, "no", ["1"]]);
  });

  it("refuse a call before its handler hears of it", async () => {
    let runs = 0;
    const interceptor: ServerInterceptor = (_method, call) =>
      new twin.grpc.ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMetadata: (metadata, pass) => {
              if (metadata.get("authorization").length > 0) pass(metadata);
              else call.sendStatus({ code: status.UNAUTHENTICATED, details: "who?" });
            },
          }),
      });
    const handlers: Handlers = {
      unary: ({ request }, callback) => {
        runs++;
        callback(null, request);
      },
    };
    const { client } = await twin.serve(handlers, { options: { interceptors: [interceptor] } });
    expect(await client.unary()).to.include({ code: status.UNAUTHENTICATED, details: "who?" });
    const metadata = metadataOf({ authorization: "me" });
    expect((await client.unary({ text: "" }, { metadata })).code).to.equal(status.OK);
    expect(runs).to.equal(1);
  });

  it("answer in the place of the handler", async () => {
    const interceptor: ServerInterceptor = (_method, call) =>
      new twin.grpc.ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMetadata: () => {
              call.sendMetadata(metadataOf({ from: "interceptor" }));
              call.sendMessage({ text: "cached" }, () =>
                call.sendStatus({ code: status.OK, details: "OK", metadata: metadataOf({ age: "1" }) }),
              );
            },
          }),
      });
    const { client } = await twin.serve({}, { options: { interceptors: [interceptor] } });
    expect(await client.unary()).to.deep.equal({
      messages: [{ text: "cached" }],
      code: status.OK,
      details: "OK",
      headers: { from: ["interceptor"] },
      trailers: { age: ["1"] },
    });
  });

  it("leave out messages of a stream", async () => {
    const interceptor: ServerInterceptor = (_method, call) =>
      new twin.grpc.ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMessage: (message, pass) => {
              if (message.text === "spam") call.startRead();
              else pass(message);
            },
          }),
      });
    const { client } = await twin.serve(echo, { options: { interceptors: [interceptor] } });
    expect((await client.bidi(["a", "spam", "b"])).messages).to.deep.equal([{ text: "a" }, { text: "b" }]);
  });

  it("may be a class of the user's", async () => {
    class Counting extends twin.grpc.ServerInterceptingCall {
      override sendStatus(sent: Parameters<ServerInterceptingCallInterface["sendStatus"]>[0]): void {
        super.sendStatus({ ...sent, details: "counted" });
      }
    }
    const interceptors: ServerInterceptor[] = [(_method, call) => new Counting(call)];
    const { client } = await twin.serve(echo, { options: { interceptors } });
    expect((await client.unary()).details).to.equal("counted");
  });
});
