import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { createServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { credentials, type handleUnaryCall, type ServerCredentials, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { certificates } from "./support/certificates.ts";
import { metadataOf } from "./support/client.ts";
import { defer } from "./support/defer.ts";
import { type Message, service, untyped } from "./support/service.ts";
import { channel, createSsl } from "./support/tls.ts";
import { describeTwins, shutDown, type Twin } from "./support/twins.ts";
import { answerOf } from "./support/wire-client.ts";

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

/** A server whose connections come from a listener of the case's own. */
async function injecting(twin: Twin, creds?: ServerCredentials, unary = echo) {
  const server = twin.createServer();
  server.addService(service, untyped({ unary }));
  const injector = server.createConnectionInjector(creds ?? twin.grpc.ServerCredentials.createInsecure());
  const sockets: Socket[] = [];
  const listener = createServer((socket) => {
    sockets.push(socket);
    injector.injectConnection(socket);
  }).listen(0, "localhost");
  twin.cleanUp(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(listener, "listening");
  const { port } = listener.address() as { port: number };
  const open = async (): Promise<ClientHttp2Session> => {
    const session = connectHttp2(`http://localhost:${port}`);
    session.on("error", () => {});
    twin.cleanUp(() => session.destroy());
    await once(session, "remoteSettings");
    return session;
  };
  return { server, injector, target: `localhost:${port}`, open };
}

/** A unary handler that waits. */
function waiting() {
  const begun = defer<() => void>();
  const cancelled = defer();
  const unary: handleUnaryCall<Message, Message> = (call, callback) => {
    call.on("cancelled", () => cancelled.resolve());
    begun.resolve(() => callback(null, call.request));
  };
  return { unary, begun: begun.promise, cancelled: cancelled.promise };
}

describeTwins("a connection injector", (twin) => {
  it("refuses what is no credentials of a server", () => {
    const server = twin.createServer();
    for (const wrong of [null, {}, credentials.createInsecure()]) {
      expect(() => server.createConnectionInjector(wrong as unknown as ServerCredentials)).to.throw(
        TypeError,
        "creds must be a ServerCredentials object",
      );
    }
  });

  it("serves connections that something else accepted", async () => {
    const { target } = await injecting(twin);
    expect((await twin.connect(target).unary({ text: "a" })).messages).to.deep.equal([{ text: "a" }]);
  });

  it("speaks TLS on them", async () => {
    const { target } = await injecting(twin, createSsl(twin, true));
    const client = twin.connect(target, channel(certificates().client));
    expect((await client.unary()).code).to.equal(status.OK);
  });

  it("takes any duplex stream", async () => {
    const server = twin.createServer();
    server.addService(
      service,
      untyped({ unary: (call, callback) => callback(null, { text: call.getPeer() }) }),
    );
    const injector = server.createConnectionInjector(twin.grpc.ServerCredentials.createInsecure());
    const [near, far] = duplexPair();
    injector.injectConnection(far);
    const session = connectHttp2("http://localhost", { createConnection: () => near });
    session.on("error", () => {});
    twin.cleanUp(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": service.Unary.path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, 11]), Buffer.from('{"text":""}')]));
    const { body, trailers } = await answerOf(stream);
    expect([trailers?.["grpc-status"], body.subarray(5).toString()]).to.deep.equal([
      "0",
      '{"text":"unknown"}',
    ]);
  });

  it("applies the interceptors of its credentials", async () => {
    const { ServerCredentials, ServerInterceptingCall, experimental } = twin.grpc;
    const creds = experimental.createServerCredentialsWithInterceptors(ServerCredentials.createInsecure(), [
      (_method, call) =>
        new ServerInterceptingCall(call, {
          sendStatus: (sent, next) => next({ ...sent, metadata: metadataOf({ by: "injector" }) }),
        }),
    ]);
    const { target } = await injecting(twin, creds);
    expect((await twin.connect(target).unary()).trailers).to.deep.equal({ by: ["injector"] });
  });

  it("drains its connections, and takes new ones", async () => {
    const { injector, open, target } = await injecting(twin);
    const session = await open();
    const goaway = once(session, "goaway");
    injector.drain(10_000);
    expect((await goaway)[0]).to.equal(0);
    expect((await twin.connect(target).unary()).code).to.equal(status.OK);
  });

  it("drains calls that are done within the grace", async () => {
    const { unary, begun } = waiting();
    const { injector, target } = await injecting(twin, undefined, unary);
    const outcome = twin.connect(target).unary({ text: "slow" });
    const finish = await begun;
    injector.drain(10_000);
    finish();
    expect((await outcome).messages).to.deep.equal([{ text: "slow" }]);
  });

  it("cuts calls that are not", async () => {
    const { unary, begun, cancelled } = waiting();
    const { injector, target } = await injecting(twin, undefined, unary);
    const outcome = twin.connect(target).unary();
    await begun;
    injector.drain(1);
    await cancelled;
    expect((await outcome).code).to.equal(status.CANCELLED);
  });

  it("is destroyed, and lets calls finish", async () => {
    const { unary, begun } = waiting();
    const { injector, open, target } = await injecting(twin, undefined, unary);
    const session = await open();
    const closed = new Promise((resolve) => session.on("close", resolve));
    const outcome = twin.connect(target).unary({ text: "slow" });
    const finish = await begun;
    injector.destroy();
    await closed;
    finish();
    expect((await outcome).messages).to.deep.equal([{ text: "slow" }]);
  });

  it("ends with its server", async () => {
    const { server, open } = await injecting(twin);
    const session = await open();
    const closed = new Promise((resolve) => session.on("close", resolve));
    await shutDown(server);
    await closed;
  });

  it("is cut with its server", async () => {
    const { unary, begun, cancelled } = waiting();
    const { server, target } = await injecting(twin, undefined, unary);
    const outcome = twin.connect(target).unary();
    await begun;
    server.forceShutdown();
    await cancelled;
    expect((await outcome).code).to.equal(status.CANCELLED);
  });
});

/** Two ends of a connection without a socket. */
function duplexPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        setImmediate(() => {
          other().push(chunk);
          done();
        });
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  ends.push(
    make(() => ends[1] as Duplex),
    make(() => ends[0] as Duplex),
  );
  return ends as [Duplex, Duplex];
}
