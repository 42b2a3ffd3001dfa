import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { type handleUnaryCall, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { defer } from "./support/defer.ts";
import type { Message } from "./support/service.ts";
import { bind, describeTwins, type ServeSettings, shutDown, type Twin } from "./support/twins.ts";

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

/** A server with a unary call that runs until it is let go. */
async function running(twin: Twin, settings: ServeSettings = {}) {
  const begun = defer<() => void>();
  const cancelled = defer();
  const unary: handleUnaryCall<Message, Message> = (call, callback) => {
    call.on("cancelled", () => cancelled.resolve());
    begun.resolve(() => callback(null, call.request));
  };
  const served = await twin.serve({ unary }, settings);
  const outcome = served.client.unary({ text: "slow" });
  return { served, outcome, finish: await begun.promise, cancelled: cancelled.promise };
}

describeTwins("tryShutdown", (twin) => {
  it("calls back with nothing, for a server that was never bound", async () => {
    const parameters = defer<unknown[]>();
    twin.createServer().tryShutdown((...all: unknown[]) => parameters.resolve(all));
    expect((await parameters.promise).filter((value) => value !== undefined)).to.deep.equal([]);
  });

  it("ends connections without calls", async () => {
    const served = await twin.serve({ unary: echo });
    const { session, closed } = await served.wire();
    const goaway = once(session, "goaway");
    await served.tryShutdown();
    expect((await goaway)[0]).to.equal(0);
    await closed;
  });

  it("waits for a call that runs", async () => {
    const { served, outcome, finish } = await running(twin);
    const events: string[] = [];
    const over = served.tryShutdown().then(() => events.push("shut down"));
    await setImmediate();
    events.push("answer");
    finish();
    await over;
    expect(events).to.deep.equal(["answer", "shut down"]);
    expect((await outcome).messages).to.deep.equal([{ text: "slow" }]);
  });

  it("waits for streams that are open", async () => {
    const begun = defer();
    const served = await twin.serve({
      bidi: (call) => {
        begun.resolve();
        call.on("data", (message: Message) => call.write(message));
        call.on("end", () => call.end());
      },
    });
    const { call, read } = served.client.startBidi();
    const outcome = read();
    await begun.promise;
    const over = served.tryShutdown();
    call.write({ text: "still there" });
    call.end();
    await over;
    expect((await outcome).messages).to.deep.equal([{ text: "still there" }]);
  });

  it("takes no connections any more", async () => {
    const { served, finish } = await running(twin);
    const over = served.tryShutdown();
    expect((await served.connect().unary()).code).to.equal(status.UNAVAILABLE);
    finish();
    await over;
  });

  it("sets the port free", async () => {
    const served = await twin.serve({ unary: echo });
    await served.client.unary();
    await served.tryShutdown();
    const other = twin.createServer();
    const insecure = twin.grpc.ServerCredentials.createInsecure();
    expect(await bind(other, served.target, insecure)).to.equal(served.port);
  });

  it("may be called twice", async () => {
    const { served, finish } = await running(twin);
    const both = [served.tryShutdown(), served.tryShutdown()];
    finish();
    await Promise.all(both);
  });

  it("closes all ports", async () => {
    const { server, port } = await twin.serve({ unary: echo });
    const other = await bind(server, "127.0.0.1:0", twin.grpc.ServerCredentials.createInsecure());
    await shutDown(server);
    for (const one of [port, other]) {
      expect((await twin.connect(`localhost:${one}`).unary()).code).to.equal(status.UNAVAILABLE);
    }
  });
});

describeTwins("forceShutdown", (twin) => {
  it("does nothing to a server that was never bound, even twice", () => {
    const server = twin.createServer();
    server.forceShutdown();
    server.forceShutdown();
  });

  it("cancels a call that runs, and tells its handler", async () => {
    const { served, outcome, cancelled } = await running(twin);
    served.server.forceShutdown();
    await cancelled;
    expect((await outcome).code).to.equal(status.CANCELLED);
  });

  it("cancels streams that are open", async () => {
    const begun = defer();
    const closed = defer();
    const served = await twin.serve({
      serverStream: (call) => {
        call.write(call.request);
        call.on("close", () => closed.resolve());
        begun.resolve();
      },
    });
    const outcome = served.client.serverStream();
    await begun.promise;
    served.server.forceShutdown();
    await closed.promise;
    expect((await outcome).code).to.equal(status.CANCELLED);
  });

  it("ends connections without calls", async () => {
    const served = await twin.serve({ unary: echo });
    const { closed } = await served.wire();
    served.server.forceShutdown();
    await closed;
  });

  it("ends the wait of a tryShutdown", async () => {
    const { served, cancelled } = await running(twin);
    const over = served.tryShutdown();
    served.server.forceShutdown();
    await Promise.all([over, cancelled]);
  });

  it("ends a bind that is under way", async () => {
    const server = twin.createServer();
    const told = defer<Error | null>();
    const holder = twin.createServer();
    const insecure = twin.grpc.ServerCredentials.createInsecure();
    const port = await bind(holder, "127.0.0.1:0", insecure);
    await shutDown(holder);
    server.bindAsync(`127.0.0.1:${port}`, insecure, (error) => told.resolve(error));
    server.forceShutdown();
    expect((await told.promise)?.message).to.equal("bindAsync operation cancelled by unbind call");
  });

  it("ends connections without channelz as well", async () => {
    const options = { "grpc.enable_channelz": 0 };
    const { served, outcome, finish, cancelled } = await running(twin, { options });
    served.server.forceShutdown();
    // The call goes on there, and nothing else would end it.
    if (twin.subject.name === "grpc-js") finish();
    await cancelled;
    const { code } = await outcome;
    served.client.close();
    expect(code).to.equal(
      twin.expected<number>({
        grpcJs: status.OK,
        ours: status.CANCELLED,
        why: "grpc-js forgets its connections when channelz is off",
      }),
    );
  });
});
