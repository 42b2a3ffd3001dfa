import { EventEmitter } from "node:events";
import { join } from "node:path";
import { propagate, type ServerDuplexStream, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { temporaryFolder } from "../support/temporary-folder.ts";
import type { Outcome } from "./support/client.ts";
import { defer } from "./support/defer.ts";
import { envelope, type Handlers, type Message, service, untyped } from "./support/service.ts";
import { bind, describeTwins, type Served } from "./support/twins.ts";

/** What all four kinds of calls have. */
type AnyCall = Pick<
  ServerDuplexStream<Message, Message>,
  "cancelled" | "getPeer" | "getPath" | "getHost" | "getDeadline" | "getAuthContext"
> &
  Pick<EventEmitter, "on">;

interface Kind {
  readonly path: string;
  readonly call: (served: Served) => Promise<Outcome>;
  /** A handler that looks at its call before it answers. */
  readonly handlers: (look: (call: AnyCall) => void) => Handlers;
  /** Whether its call is destroyed when it is over. */
  readonly isStream: boolean;
}

const kinds: Record<string, Kind> = {
  "a unary call": {
    path: service.Unary.path,
    call: ({ client }) => client.unary(),
    handlers: (look) => ({
      unary: (call, callback) => {
        look(call);
        callback(null, call.request);
      },
    }),
    isStream: false,
  },
  "a call with a stream of requests": {
    path: service.ClientStream.path,
    call: ({ client }) => client.clientStream(["a"]),
    handlers: (look) => ({
      clientStream: (call, callback) => {
        look(call);
        call.resume();
        call.on("end", () => callback(null, { text: "" }));
      },
    }),
    isStream: true,
  },
  "a call with a stream of replies": {
    path: service.ServerStream.path,
    call: ({ client }) => client.serverStream(),
    handlers: (look) => ({
      serverStream: (call) => {
        look(call);
        call.write(call.request);
        call.end();
      },
    }),
    isStream: true,
  },
  "a call with streams both ways": {
    path: service.Bidi.path,
    call: ({ client }) => client.bidi(["a"]),
    handlers: (look) => ({
      bidi: (call) => {
        look(call);
        call.resume();
        call.on("end", () => call.end());
      },
    }),
    isStream: true,
  },
};

for (const [what, { path, call, handlers, isStream }] of Object.entries(kinds)) {
  describeTwins(what, (twin) => {
    it("tells where it comes from and goes to", async () => {
      const seen = defer<AnyCall>();
      const served = await twin.serve(handlers(seen.resolve));
      await call(served);
      const object = await seen.promise;
      expect(object.getPath()).to.equal(path);
      expect(object.getHost()).to.equal(`localhost:${served.port}`);
      expect(object.getDeadline()).to.equal(Number.POSITIVE_INFINITY);
      expect(object.getAuthContext()).to.deep.equal({});
    });

    it("is not cancelled while it runs, and is when it is over", async () => {
      const first = defer<boolean>();
      const over = defer<unknown[]>();
      const look = (object: AnyCall) => {
        first.resolve(object.cancelled);
        object.on("cancelled", (reason) => over.resolve([reason, object.cancelled]));
      };
      await call(await twin.serve(handlers(look)));
      expect([await first.promise, ...(await over.promise)]).to.deep.equal([false, "cancelled", true]);
    });

    it("is an emitter of events", async () => {
      const seen = defer<unknown>();
      await call(await twin.serve(handlers(seen.resolve)));
      expect(await seen.promise).to.be.instanceOf(EventEmitter);
    });

    if (isStream) {
      it("is destroyed when it is over", async () => {
        const closed = defer();
        await call(await twin.serve(handlers((object) => void object.on("close", () => closed.resolve()))));
        await closed.promise;
      });
    }
  });
}

describeTwins("the call of a handler", (twin) => {
  const seeing = <T>(question: (call: AnyCall) => T) => {
    const seen = defer<T>();
    const handlers: Handlers = {
      unary: (call, callback) => {
        seen.resolve(question(call));
        callback(null, call.request);
      },
    };
    return { seen, handlers };
  };

  it("knows the address of its client", async () => {
    const { seen, handlers } = seeing((call) => call.getPeer());
    const { session, request } = await (await twin.serve(handlers, { address: "127.0.0.1:0" })).wire();
    const { remoteAddress, localPort } = session.socket;
    request({}, envelope({ text: "" }));
    expect(await seen.promise).to.equal(`${remoteAddress}:${localPort}`);
  });

  it("knows no address of a client on a Unix domain socket", async () => {
    const { seen, handlers } = seeing((call) => call.getPeer());
    const folder = temporaryFolder({});
    twin.cleanUp(() => folder.remove());
    const address = `unix:${join(folder.path, "socket")}`;
    const server = twin.createServer();
    server.addService(service, untyped(handlers));
    await bind(server, address, twin.grpc.ServerCredentials.createInsecure());
    await twin.connect(address).unary();
    expect(await seen.promise).to.equal("unknown");
  });

  it("knows the authority that its client asked for", async () => {
    const { seen, handlers } = seeing((call) => call.getHost());
    const { request } = await (await twin.serve(handlers)).wire();
    await request({ ":authority": "service.example" }, envelope({ text: "" }));
    expect(await seen.promise).to.equal("service.example");
  });

  it("knows its deadline", async () => {
    const { seen, handlers } = seeing((call) => call.getDeadline());
    const { client } = await twin.serve(handlers);
    const deadline = Date.now() + 60_000;
    await client.unary({ text: "" }, { options: { deadline } });
    expect(Number(await seen.promise)).to.be.closeTo(deadline, 2000);
  });

  it("hears that its client has cancelled", async () => {
    const running = defer();
    const heard = defer<unknown[]>();
    const { client } = await twin.serve({
      unary: (call) => {
        call.on("cancelled", (reason) => heard.resolve([reason, call.cancelled]));
        running.resolve();
      },
    });
    const { call, outcome } = client.startUnary({ text: "" });
    await running.promise;
    call.cancel();
    expect(await heard.promise).to.deep.equal(["cancelled", true]);
    expect((await outcome).code).to.equal(status.CANCELLED);
  });

  it("hears 'cancelled' once", async () => {
    const events: string[] = [];
    const running = defer<() => void>();
    const heard = defer();
    const { client } = await twin.serve({
      unary: (call, callback) => {
        call.on("cancelled", () => {
          events.push("cancelled");
          heard.resolve();
        });
        running.resolve(() => callback(null, call.request));
      },
    });
    const { call } = client.startUnary({ text: "" });
    const answer = await running.promise;
    call.cancel();
    await heard.promise;
    answer();
    await client.unary({ text: "" }, {}, "/twin.Test/None");
    expect(events).to.deep.equal(["cancelled"]);
  });

  it("hears that its client's connection is gone", async () => {
    const running = defer();
    const heard = defer();
    const served = await twin.serve({
      unary: (call) => {
        call.on("cancelled", () => heard.resolve());
        running.resolve();
      },
    });
    const { session, open } = await served.wire();
    open().end(envelope({ text: "" }));
    await running.promise;
    session.destroy();
    await heard.promise;
  });

  it("can be the parent of a client's call, which goes with it", async () => {
    const inner = defer();
    const innerCancelled = defer();
    const outcomes: Promise<Outcome>[] = [];
    const backend = await twin.serve({
      unary: (call) => {
        call.on("cancelled", () => innerCancelled.resolve());
        inner.resolve();
      },
    });
    const front = await twin.serve({
      unary: (call) => {
        const options = { parent: call, propagate_flags: propagate.CANCELLATION | propagate.DEADLINE };
        outcomes.push(backend.client.unary(call.request, { options }));
      },
    });
    const { call } = front.client.startUnary({ text: "" });
    await inner.promise;
    call.cancel();
    await innerCancelled.promise;
    expect((await outcomes[0])?.code).to.equal(status.CANCELLED);
  });

  it("passes its deadline on to a client's call", async () => {
    const deadlines: number[] = [];
    const backend = await twin.serve({
      unary: (call, callback) => {
        deadlines.push(Number(call.getDeadline()));
        callback(null, call.request);
      },
    });
    const front = await twin.serve({
      unary: (call, callback) => {
        deadlines.push(Number(call.getDeadline()));
        const options = { parent: call, propagate_flags: propagate.DEADLINE };
        backend.client.unary(call.request, { options }).then(({ messages }) => callback(null, messages[0]));
      },
    });
    const options = { deadline: Date.now() + 60_000 };
    expect((await front.client.unary({ text: "" }, { options })).code).to.equal(status.OK);
    expect(deadlines[1]).to.be.closeTo(deadlines[0] as number, 2000);
  });
});
