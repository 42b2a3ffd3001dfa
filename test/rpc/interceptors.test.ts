import { AsyncLocalStorage } from "node:async_hooks";
import { expect } from "chai";
import { chain, currentCall, type Interceptor, trackCurrentCall } from "../../src/rpc/interceptor.ts";
import { RpcError, StatusCode } from "../../src/rpc/status.ts";
import type { MethodKind } from "../../src/schema/types.ts";
import { FakeCall, settle } from "../support/fake-call.ts";
import { textMethod } from "../support/test-host.ts";

const kinds: MethodKind[] = ["unary", "server-stream", "client-stream", "bidi"];
const isMany = (kind: MethodKind) => kind === "server-stream" || kind === "bidi";

/** Answers "a+" for a request "a", as often as its kind allows. */
function handlerOf(kind: MethodKind) {
  if (kind === "unary") return (text: unknown) => `${text}+`;
  if (kind === "server-stream")
    return async function* (text: unknown) {
      yield `${text}+`;
      yield `${text}++`;
    };
  if (kind === "client-stream")
    return async (texts: unknown) => {
      let all = "";
      for await (const text of texts as AsyncIterable<string>) all += text;
      return `${all}+`;
    };
  return async function* (texts: unknown) {
    for await (const text of texts as AsyncIterable<string>) yield `${text}+`;
  };
}

function callOf(kind: MethodKind, ...interceptors: Interceptor[]): FakeCall {
  return new FakeCall(textMethod(kind, handlerOf(kind), "Method", chain(interceptors)));
}

describe("interceptors", () => {
  for (const kind of kinds) {
    const replies = isMany(kind) ? (kind === "bidi" ? ["a+"] : ["a+", "a++"]) : ["a+"];

    describe(`around a ${kind} method`, () => {
      it("run from the first to the last, and back, in time with the handler", async () => {
        const events: string[] = [];
        const named =
          (name: string): Interceptor =>
          async (_call, next) => {
            events.push(`${name} in`);
            await next();
            events.push(`${name} out after ${fake.writer.messages.length}`);
          };
        const fake = callOf(kind, named("one"), named("two"));
        fake.sendLast("a");
        await settle();
        const sent = isMany(kind) ? replies.length : 0;
        expect(events).to.deep.equal(["one in", "two in", `two out after ${sent}`, `one out after ${sent}`]);
        expect([fake.writer.messages, fake.ends]).to.deep.equal([replies, ["0"]]);
      });

      it("see and change messages, and add trailers after the last", async () => {
        const fake = callOf(
          kind,
          async (call, next) => {
            call.onRequest((text) => `<${text}`);
            call.onReply((text) => `${text}>`);
            await next();
            call.trailers.set("x-last", "1");
          },
          async (call, next) => {
            call.onRequest((text) => `${text}|`);
            call.onReply((text) => `${text}!`);
            call.onReply(() => undefined);
            return next();
          },
        );
        fake.sendLast("a");
        await settle();
        const changed = replies.map((reply) => `<a|${reply.slice(1)}!>`);
        expect(fake.writer.messages).to.deep.equal(changed);
        expect([fake.ends, fake.writer.trailers]).to.deep.equal([["0"], [["x-last", "1"]]]);
      });

      it("refuse without the handler", async () => {
        let hasRun = false;
        const refuse: Interceptor = (call) => {
          throw new RpcError(StatusCode.UNAUTHENTICATED, `no ${call.metadata.get("x-token") ?? "token"}`);
        };
        const fake = callOf(kind, refuse, (_call, next) => {
          hasRun = true;
          return next();
        });
        fake.sendLast("a");
        await settle();
        expect([fake.ends, fake.writer.messages, hasRun]).to.deep.equal([["16 no token"], [], false]);
      });

      it("hear what the handler threw, and may turn it into something else", async () => {
        const method = textMethod(
          kind,
          () => {
            throw new TypeError("SECRET");
          },
          "Method",
          async (_call, next) => {
            await next().catch((error: Error) => {
              throw new RpcError(StatusCode.ABORTED, `was ${error.name}`);
            });
          },
        );
        const fake = new FakeCall(method).sendLast("a");
        await settle();
        expect([fake.ends, fake.host.errors]).to.deep.equal([["10 was TypeError"], []]);
      });

      it("hear that the call was cancelled", async () => {
        const outcomes: unknown[] = [];
        const method = textMethod(
          kind,
          (_input, call) =>
            new Promise((_, reject) =>
              call.signal.addEventListener("abort", () => reject(call.signal.reason)),
            ),
          "Method",
          async (_call, next) => {
            await next().catch((error: RpcError) => outcomes.push(error.code));
          },
        );
        const fake = new FakeCall(method).sendLast("a");
        await settle();
        fake.call.recvCancel("gone");
        await settle();
        expect([outcomes, fake.ends, fake.host.errors]).to.deep.equal([[StatusCode.CANCELLED], [], []]);
        expect(fake.exchange.ended).to.equal(fake.exchange.begun);
      });

      it("that neither go on nor throw nor answer are a fault, with one status and one line in the log", async () => {
        const fake = callOf(kind, () => {});
        fake.sendLast("a");
        await settle();
        expect([fake.ends, fake.host.errors]).to.deep.equal([["2 The handler failed"], ["A handler failed"]]);
      });

      it("that go on twice are a fault, too", async () => {
        const fake = callOf(kind, async (_call, next) => {
          await next();
          await next();
        });
        fake.sendLast("a");
        await settle();
        expect(fake.ends).to.deep.equal(["2 The handler failed"]);
      });

      it("give the handler a context of its own by AsyncLocalStorage", async () => {
        const users = new AsyncLocalStorage<string>();
        const seen: unknown[] = [];
        const handler = handlerOf(kind);
        const method = textMethod(
          kind,
          isMany(kind)
            ? async function* (input, call) {
                seen.push(users.getStore());
                for await (const reply of handler(input) as AsyncIterable<string>) {
                  seen.push(users.getStore());
                  yield reply;
                }
                seen.push(currentCall() === call);
              }
            : async (input, call) => {
                seen.push(users.getStore());
                const reply = await handler(input);
                seen.push(users.getStore(), currentCall() === call);
                return reply;
              },
          "Method",
          chain([(_call, next) => users.run("ada", next), trackCurrentCall]),
        );
        const fake = new FakeCall(method).sendLast("a");
        await settle();
        expect([...new Set(seen)]).to.deep.equal(["ada", true]);
        expect([fake.writer.messages, users.getStore(), currentCall()]).to.deep.equal([
          replies,
          undefined,
          undefined,
        ]);
      });
    });
  }

  it("may answer in the handler's place, or answer something else than it did", async () => {
    const cached = callOf("unary", () => "cached").sendLast("a");
    const changed = callOf("client-stream", async (_call, next) => `${await next()}?`).sendLast("a", "b");
    await settle();
    expect([cached.writer.messages, changed.writer.messages]).to.deep.equal([["cached"], ["ab+?"]]);
  });

  it("that end a call by a hook", async () => {
    const fake = callOf("bidi", (call, next) => {
      call.onRequest((text) => {
        if (text === "bad") throw new RpcError(StatusCode.INVALID_ARGUMENT, "bad");
      });
      return next();
    });
    fake.send("a", "bad");
    await settle();
    expect([fake.writer.messages, fake.ends]).to.deep.equal([["a+"], ["3 bad"]]);
  });

  it("leave back-pressure alone: the generator waits while the client is full", async () => {
    const made: number[] = [];
    const method = textMethod(
      "server-stream",
      async function* () {
        for (let i = 0; i < 3; i++) {
          made.push(i);
          yield String(i);
        }
      },
      "Method",
      (_call, next) => next(),
    );
    const fake = new FakeCall(method);
    fake.writer.hasRoom = false;
    fake.sendLast("a");
    await settle();
    expect(made).to.deep.equal([0]);
    fake.call.recvDrain();
    await settle();
    expect(made).to.deep.equal([0, 1]);
  });
});
