import type { ServerInterceptingCallInterface, ServerInterceptor } from "@grpc/grpc-js";
import { expect } from "chai";
import { metadataOf } from "./support/client.ts";
import { defer } from "./support/defer.ts";
import { envelope, type Handlers } from "./support/service.ts";
import { createSsl } from "./support/tls.ts";
import { bind, describeTwins, type Twin } from "./support/twins.ts";

const echo: Handlers = { unary: ({ request }, callback) => callback(null, request) };

/** An interceptor that signs the trailers, to tell which ones a call has passed. */
const signing =
  (twin: Twin, name: string): ServerInterceptor =>
  (_method, call) =>
    new twin.grpc.ServerInterceptingCall(call, {
      sendStatus: (sent, next) => {
        const metadata = sent.metadata ?? metadataOf({});
        metadata.add("by", name);
        next({ ...sent, metadata });
      },
    });

describeTwins("ResponderBuilder and ServerListenerBuilder", (twin) => {
  it("make parts that do nothing", async () => {
    const { ResponderBuilder, ServerListenerBuilder, ServerInterceptingCall } = twin.grpc;
    const listener = new ServerListenerBuilder().build();
    const responder = new ResponderBuilder().withStart((next) => next(listener)).build();
    const interceptors: ServerInterceptor[] = [
      (_method, call) => new ServerInterceptingCall(call, responder),
      (_method, call) => new ServerInterceptingCall(call, new ResponderBuilder().build()),
      (_method, call) => new ServerInterceptingCall(call),
    ];
    const { client } = await twin.serve(echo, { options: { interceptors } });
    expect((await client.unary({ text: "a" })).messages).to.deep.equal([{ text: "a" }]);
  });

  it("make parts of all that they were given", async () => {
    const { ResponderBuilder, ServerListenerBuilder, ServerInterceptingCall } = twin.grpc;
    const log: string[] = [];
    const over = defer();
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        log.push("in metadata");
        next(metadata);
      })
      .withOnReceiveMessage((message, next) => {
        log.push("in message");
        next(message);
      })
      .withOnReceiveHalfClose((next) => {
        log.push("in end");
        next();
      })
      .withOnCancel(() => {
        log.push("cancel");
        over.resolve();
      })
      .build();
    const responder = new ResponderBuilder()
      .withStart((next) => {
        log.push("start");
        next(listener);
      })
      .withSendMetadata((metadata, next) => {
        log.push("out metadata");
        next(metadata);
      })
      .withSendMessage((message, next) => {
        log.push("out message");
        next(message);
      })
      .withSendStatus((sent, next) => {
        log.push("out status");
        next(sent);
      })
      .build();
    const interceptors: ServerInterceptor[] = [
      (_method, call) => new ServerInterceptingCall(call, responder),
    ];
    const { client } = await twin.serve(echo, { options: { interceptors } });
    await client.unary();
    await over.promise;
    const events = ["in metadata", "in message", "in end", "out metadata", "out message", "out status"];
    expect(log).to.deep.equal(["start", ...events, "cancel"]);
  });
});

describeTwins("interceptors of credentials", (twin) => {
  const wrap = (...names: string[]) =>
    twin.grpc.experimental.createServerCredentialsWithInterceptors(
      twin.grpc.ServerCredentials.createInsecure(),
      names.map((name) => signing(twin, name)),
    );

  it("come before those of the server", async () => {
    const { client } = await twin.serve(echo, {
      credentials: wrap("1", "2"),
      options: { interceptors: [signing(twin, "3"), signing(twin, "4")] },
    });
    expect((await client.unary()).trailers).to.deep.equal({ by: ["4, 3, 2, 1"] });
  });

  it("are those of their port only", async () => {
    const { server, client } = await twin.serve(echo, { credentials: wrap("first") });
    const port = await bind(server, "localhost:0", wrap("second"));
    const plain = await bind(server, "localhost:0", twin.grpc.ServerCredentials.createInsecure());
    const trailers = [(await client.unary()).trailers];
    for (const other of [port, plain]) {
      trailers.push((await twin.connect(`localhost:${other}`).unary()).trailers);
    }
    expect(trailers).to.deep.equal([{ by: ["first"] }, { by: ["second"] }, {}]);
  });

  it("leave the security as it is", () => {
    const secure = createSsl(twin, true);
    const interceptors = [signing(twin, "1")];
    const wrapped = twin.grpc.experimental.createServerCredentialsWithInterceptors(secure, interceptors);
    expect(wrapped._isSecure()).to.equal(true);
    expect(wrapped._getSecureContextOptions()).to.equal(secure._getSecureContextOptions());
    expect(wrapped._getConstructorOptions()).to.equal(secure._getConstructorOptions());
    expect(wrapped._getInterceptors()).to.equal(interceptors);
  });
});

describeTwins("the call of an interceptor", (twin) => {
  it("can be asked what a handler's can", async () => {
    const seen = defer<ServerInterceptingCallInterface>();
    const interceptor: ServerInterceptor = (_method, call) => {
      seen.resolve(call);
      return new twin.grpc.ServerInterceptingCall(new twin.grpc.ServerInterceptingCall(call));
    };
    const told = defer<unknown[]>();
    const handlers: Handlers = {
      unary: async (call, callback) => {
        const inner = await seen.promise;
        told.resolve([
          inner.getPeer() === call.getPeer(),
          inner.getHost() === call.getHost(),
          Number(inner.getDeadline()) === Number(call.getDeadline()),
          inner.getMetricsRecorder() === call.getMetricsRecorder(),
          inner.getAuthContext(),
        ]);
        callback(null, call.request);
      },
    };
    const { client } = await twin.serve(handlers, { options: { interceptors: [interceptor] } });
    await client.unary({ text: "" }, { options: { deadline: Date.now() + 60_000 } });
    expect(await told.promise).to.deep.equal([true, true, true, true, {}]);
  });

  it("knows both ends of its connection", async () => {
    const seen = defer<unknown>();
    const interceptor: ServerInterceptor = (_method, call) => {
      seen.resolve(call.getConnectionInfo());
      return new twin.grpc.ServerInterceptingCall(call);
    };
    const served = await twin.serve(echo, { options: { interceptors: [interceptor] } });
    const { session, request } = await served.wire();
    await request({}, envelope({ text: "" }));
    const { localAddress, localPort, remoteAddress } = session.socket;
    expect(await seen.promise).to.deep.equal({
      localAddress: remoteAddress,
      localPort: served.port,
      remoteAddress: localAddress,
      remotePort: localPort,
    });
  });
});
