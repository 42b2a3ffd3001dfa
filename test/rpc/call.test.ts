import { expect } from "chai";
import { Metadata } from "../../src/rpc/metadata.ts";
import { RpcError, StatusCode } from "../../src/rpc/status.ts";
import type { MethodKind } from "../../src/schema/types.ts";
import { FakeCall, settle, TestHost, textMethod } from "../support/fake-call.ts";

/** A method whose handler never settles, and the call context it was given. */
function waiting(kind: MethodKind) {
  return textMethod(kind, () => new Promise(() => {}));
}

describe("a unary call", () => {
  it("answers with a value at once", () => {
    const call = new FakeCall(textMethod("unary", (name) => `Hello, ${name}`)).sendLast("you");
    expect(call.writer.messages).to.deep.equal(["Hello, you"]);
    expect(call.ends).to.deep.equal(["0"]);
    expect(call.exchange.begun).to.equal(0);
  });

  it("answers with the value of a promise, and is at work until then", async () => {
    let answer: (text: string) => void = () => {};
    const method = textMethod("unary", () => new Promise<string>((resolve) => (answer = resolve)));
    const call = new FakeCall(method).sendLast("you");
    expect([call.exchange.begun, call.exchange.ended]).to.deep.equal([1, 0]);
    expect(call.ends).to.deep.equal([]);
    answer("later");
    await settle();
    expect(call.writer.messages).to.deep.equal(["later"]);
    expect(call.ends).to.deep.equal(["0"]);
    expect([call.exchange.begun, call.exchange.ended]).to.deep.equal([1, 1]);
  });

  it("waits for the client's end before it runs the handler", () => {
    const call = new FakeCall(textMethod("unary", () => "ran")).send("you");
    expect(call.ends).to.deep.equal([]);
    call.call.recvEnd();
    expect(call.ends).to.deep.equal(["0"]);
  });

  it("tells a handler what it is called with", () => {
    let seen: unknown[] = [];
    const method = textMethod("unary", (_request, call) => {
      seen = [
        call.metadata.get("x-one"),
        call.authority,
        call.peer.address,
        call.method.path,
        call.deadline,
        call.timeLeftMs,
      ];
      return "";
    });
    new FakeCall(method).sendLast("you");
    const path = "/test.Test/Method";
    expect(seen).to.deep.equal(["1", "test.example", "192.0.2.1", path, undefined, Number.POSITIVE_INFINITY]);
  });

  it("sends metadata before and after the message", () => {
    const method = textMethod("unary", (_request, call) => {
      call.responseMetadata.set("x-head", "1");
      call.trailers.set("x-tail-bin", Buffer.from("2"));
      return "";
    });
    const { writer } = new FakeCall(method).sendLast("you");
    expect(writer.headers).to.deep.equal([["x-head", "1"]]);
    expect(writer.trailers).to.deep.equal([["x-tail-bin", Buffer.from("2")]]);
  });

  it("sends metadata with a failure", () => {
    const method = textMethod("unary", (_request, call) => {
      call.responseMetadata.set("x-head", "1");
      call.trailers.set("x-tail", "2");
      throw new RpcError(StatusCode.ABORTED, "no");
    });
    const { writer, ends } = new FakeCall(method).sendLast("you");
    expect(ends).to.deep.equal(["10 no"]);
    expect(writer.headers).to.deep.equal([["x-head", "1"]]);
    expect(writer.trailers).to.deep.equal([["x-tail", "2"]]);
  });

  it("sends headers early, once, when a handler asks for it", () => {
    const method = textMethod("unary", (_request, call) => {
      call.responseMetadata.set("x-head", "1");
      call.sendHeaders();
      call.responseMetadata.set("x-late", "2");
      call.sendHeaders();
      return "";
    });
    expect(new FakeCall(method).sendLast("you").writer.headers).to.deep.equal([["x-head", "1"]]);
  });

  it("counts a large request as kept memory, since the client may never end its side", () => {
    const call = new FakeCall(textMethod("unary", () => "")).send("a".repeat(16 * 1024));
    expect(call.writer.heldBytes).to.equal(16 * 1024);
  });
});

for (const kind of ["unary", "server-stream"] as const) {
  describe(`a ${kind} call with another number of requests than one`, () => {
    it("answers UNIMPLEMENTED to none", () => {
      const { ends } = new FakeCall(textMethod(kind, () => expect.fail("the handler ran"))).sendLast();
      expect(ends).to.deep.equal(["12 No request for a method that takes one"]);
    });

    it("answers UNIMPLEMENTED to two", () => {
      const { ends } = new FakeCall(textMethod(kind, () => expect.fail("the handler ran"))).sendLast(
        "a",
        "b",
      );
      expect(ends).to.deep.equal(["12 More than one request for a method that takes one"]);
    });
  });
}

/** Handlers that fail, by where they do. */
const failures: Record<string, Record<MethodKind, (error: unknown) => unknown>> = {
  "thrown at once": {
    unary: fail,
    "server-stream": fail,
    "client-stream": fail,
    bidi: fail,
  },
  "of a promise": {
    unary: async (error) => fail(error),
    "server-stream": async (error) => fail(error),
    "client-stream": async (error) => fail(error),
    bidi: async (error) => fail(error),
  },
  "of a generator or a later turn": {
    unary: failLater,
    "server-stream": failInGenerator,
    "client-stream": failLater,
    bidi: failInGenerator,
  },
};

function fail(error: unknown): never {
  throw error;
}

async function failLater(error: unknown): Promise<never> {
  await settle();
  throw error;
}

// biome-ignore lint/correctness/useYield: it fails before its first message
async function* failInGenerator(error: unknown): AsyncGenerator<string> {
  throw error;
}

for (const [place, handlers] of Object.entries(failures)) {
  for (const kind of ["unary", "server-stream", "client-stream", "bidi"] as const) {
    describe(`an error ${place} in a ${kind} handler`, () => {
      async function endsWith(error: unknown): Promise<FakeCall> {
        const call = new FakeCall(textMethod(kind, () => handlers[kind](error))).sendLast("you");
        await settle();
        await settle();
        expect(call.exchange.ended).to.equal(call.exchange.begun);
        return call;
      }

      it("is the status when it is an RpcError", async () => {
        const { ends, host } = await endsWith(new RpcError(StatusCode.NOT_FOUND, "no such thing"));
        expect(ends).to.deep.equal(["5 no such thing"]);
        expect(host.errors).to.deep.equal([]);
      });

      for (const error of [
        new Error("SECRET"),
        "SECRET",
        undefined,
        null,
        new RpcError(StatusCode.OK, "SECRET"),
      ]) {
        it(`is UNKNOWN without its text, and one line in the log, when it is ${String(error)}`, async () => {
          const { ends, host } = await endsWith(error);
          expect(ends).to.deep.equal(["2 The handler failed"]);
          expect(host.errors).to.deep.equal(["A handler failed"]);
          expect(host.lines[0].fields).to.deep.equal({ method: "/test.Test/Method", error });
        });
      }
    });
  }
}

describe("a message that cannot be", () => {
  for (const kind of ["unary", "server-stream", "client-stream", "bidi"] as const) {
    it(`ends a ${kind} call with INTERNAL when it is a request, and tells no inner text`, async () => {
      const call = new FakeCall(waiting(kind)).sendLast("\xff");
      await settle();
      expect(call.ends).to.deep.equal(["13 The request message could not be decoded"]);
    });
  }

  it("ends a unary call with INTERNAL when it is a reply, with a line in the log", () => {
    const { ends, host } = new FakeCall(textMethod("unary", () => 1)).sendLast("you");
    expect(ends).to.deep.equal(["13 The response message could not be encoded"]);
    expect(host.errors).to.deep.equal(["A reply could not be encoded"]);
  });

  it("ends a streaming call with INTERNAL when it is a reply, and stops its generator", async () => {
    let stopped = false;
    async function* answers() {
      try {
        yield "good";
        yield 1;
        expect.fail("it went on");
      } finally {
        stopped = true;
      }
    }
    const call = new FakeCall(textMethod("server-stream", answers)).sendLast("you");
    await settle();
    expect(call.writer.messages).to.deep.equal(["good"]);
    expect(call.ends).to.deep.equal(["13 The response message could not be encoded"]);
    expect(stopped).to.equal(true);
    expect(call.exchange.ended).to.equal(1);
  });

  it("ends a call with RESOURCE_EXHAUSTED when it is a reply above the limit", () => {
    const host = new TestHost({ maxSendBytes: 4 });
    expect(
      new FakeCall(
        textMethod("unary", () => "four"),
        host,
      ).sendLast("").ends,
    ).to.deep.equal(["0"]);
    const { ends, writer } = new FakeCall(
      textMethod("unary", () => "above"),
      host,
    ).sendLast("");
    expect(ends).to.deep.equal(["8 Sent message larger than max (5 vs 4)"]);
    expect(writer.headers).to.equal(null);
  });

  it("ends a streaming call with UNKNOWN when the handler returns no sequence", async () => {
    for (const result of [undefined, null, 5, {}]) {
      const call = new FakeCall(textMethod("server-stream", () => result)).sendLast("you");
      await settle();
      expect(call.ends).to.deep.equal(["2 The handler failed"]);
      expect(call.exchange.ended).to.equal(1);
    }
  });
});

describe("Call", () => {
  it("can be asked for its metadata only to read it", () => {
    const { call } = new FakeCall(waiting("unary"));
    expect(call.metadata).to.equal(call.metadata);
    expect(call.trailers).to.be.instanceOf(Metadata);
  });
});
