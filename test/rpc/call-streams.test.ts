import { expect } from "chai";
import { FakeCall, settle, textMethod } from "../support/fake-call.ts";

type Requests = AsyncIterable<string>;

describe("a server-streaming call", () => {
  it("sends what a generator yields, then OK", async () => {
    async function* answers(name: unknown) {
      yield `Hello, ${name}`;
      yield `Bye, ${name}`;
    }
    const call = new FakeCall(textMethod("server-stream", answers)).sendLast("you");
    await settle();
    expect(call.writer.messages).to.deep.equal(["Hello, you", "Bye, you"]);
    expect(call.ends).to.deep.equal(["0"]);
    expect([call.exchange.begun, call.exchange.ended]).to.deep.equal([1, 1]);
  });

  for (const [what, answers] of Object.entries({
    "an array": () => ["a", "b"],
    "a promise of an array": async () => ["a", "b"],
    "a generator that is not async": function* () {
      yield "a";
      yield "b";
    },
    "an array of promises": () => [Promise.resolve("a"), Promise.resolve("b")],
    "an iterator without return": () => {
      const values = ["a", "b"];
      const next = async () => ({ value: values.shift(), done: values.length === 0 && next.isLast() });
      let calls = 0;
      next.isLast = () => ++calls > 1;
      return { [Symbol.asyncIterator]: () => ({ next }) };
    },
  })) {
    it(`takes ${what} as well`, async () => {
      const call = new FakeCall(textMethod("server-stream", answers)).sendLast("you");
      await settle();
      expect(call.writer.messages).to.deep.equal(["a", "b"]);
      expect(call.ends).to.deep.equal(["0"]);
    });
  }

  it("sends what came before an error, then the status", async () => {
    async function* answers() {
      yield "first";
      throw new Error("SECRET");
    }
    const call = new FakeCall(textMethod("server-stream", answers)).sendLast("you");
    await settle();
    expect(call.writer.messages).to.deep.equal(["first"]);
    expect(call.ends).to.deep.equal(["2 The handler failed"]);
    expect(call.exchange.ended).to.equal(1);
  });

  it("does not advance its generator while the client does not read", async () => {
    let made = 0;
    async function* answers() {
      for (; made < 3; ) yield String(++made);
    }
    const call = new FakeCall(textMethod("server-stream", answers));
    call.writer.hasRoom = false;
    call.sendLast("you");
    await settle();
    expect(made).to.equal(1);
    call.call.recvDrain();
    await settle();
    expect(made).to.equal(2);
    call.writer.hasRoom = true;
    call.call.recvDrain();
    await settle();
    expect(call.writer.messages).to.deep.equal(["1", "2", "3"]);
    expect(call.ends).to.deep.equal(["0"]);
  });

  it("stops a generator that waits for the client when the client cancels", async () => {
    let stopped = false;
    async function* answers() {
      try {
        for (;;) yield "more";
      } finally {
        stopped = true;
      }
    }
    const call = new FakeCall(textMethod("server-stream", answers));
    call.writer.hasRoom = false;
    call.sendLast("you");
    await settle();
    call.call.recvCancel("The client cancelled the call");
    await settle();
    expect(stopped).to.equal(true);
    expect(call.writer.messages).to.deep.equal(["more"]);
    expect(call.ends).to.deep.equal([]);
    expect(call.exchange.ended).to.equal(1);
  });

  it("stops a generator that yields without end", async () => {
    let stopped = false;
    async function* answers() {
      try {
        for (;;) {
          await settle();
          yield "more";
        }
      } finally {
        stopped = true;
      }
    }
    const call = new FakeCall(textMethod("server-stream", answers)).sendLast("you");
    await settle();
    call.call.recvCancel("The client cancelled the call");
    await settle();
    await settle();
    await settle();
    expect(stopped).to.equal(true);
    expect(call.exchange.ended).to.equal(1);
  });

  it("ends the wait of an iterator that would wait for ever", async () => {
    let giveUp: (result: IteratorResult<string>) => void = () => {};
    const endless = {
      [Symbol.asyncIterator]: () => endless,
      next: () => new Promise<IteratorResult<string>>((resolve) => (giveUp = resolve)),
      return: async () => {
        giveUp({ value: undefined, done: true });
        return { value: undefined, done: true as const };
      },
    };
    const call = new FakeCall(textMethod("server-stream", () => endless)).sendLast("you");
    await settle();
    call.call.recvCancel("The client cancelled the call");
    await settle();
    expect(call.exchange.ended).to.equal(1);
    expect(call.ends).to.deep.equal([]);
  });

  it("tells the log of a generator that fails while it is stopped, and nobody else", async () => {
    async function* answers() {
      try {
        for (;;) yield "more";
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: this is what is tried
        throw new Error("SECRET");
      }
    }
    const call = new FakeCall(textMethod("server-stream", answers));
    call.writer.hasRoom = false;
    call.sendLast("you");
    await settle();
    call.call.recvCancel("The client cancelled the call");
    await settle();
    expect(call.host.errors).to.deep.equal(["A handler failed"]);
    expect(call.exchange.ended).to.equal(1);
  });

  it("does not begin a generator whose call is over before it came", async () => {
    let begun = false;
    let give: (values: AsyncIterable<string>) => void = () => {};
    async function* answers() {
      begun = true;
      yield "never";
    }
    const handler = () => new Promise<AsyncIterable<string>>((resolve) => (give = resolve));
    const call = new FakeCall(textMethod("server-stream", handler)).sendLast("you");
    call.call.recvCancel("The client cancelled the call");
    give(answers());
    await settle();
    expect(begun).to.equal(false);
    expect(call.exchange.ended).to.equal(1);
  });
});

describe("a client-streaming call", () => {
  const join = textMethod("client-stream", async (requests) => {
    const texts: string[] = [];
    for await (const text of requests as Requests) texts.push(text);
    return texts.join("+");
  });

  it("answers once to many requests", async () => {
    const call = new FakeCall(join).sendLast("a", "b", "c");
    await settle();
    expect(call.writer.messages).to.deep.equal(["a+b+c"]);
    expect(call.ends).to.deep.equal(["0"]);
  });

  it("answers to none as well", async () => {
    const call = new FakeCall(join).sendLast();
    await settle();
    expect(call.writer.messages).to.deep.equal([""]);
    expect(call.ends).to.deep.equal(["0"]);
  });

  it("may answer before the client has ended", async () => {
    const first = textMethod("client-stream", async (requests) => {
      for await (const text of requests as Requests) return `only ${text}`;
      return "none";
    });
    const call = new FakeCall(first).send("a", "b");
    await settle();
    expect(call.writer.messages).to.deep.equal(["only a"]);
    call.sendLast("c");
    await settle();
    expect(call.ends).to.deep.equal(["0"]);
  });

  it("holds the client back while the handler does not read", async () => {
    let goOn: () => void = () => {};
    const slow = textMethod("client-stream", async (requests) => {
      await new Promise<void>((resolve) => (goOn = resolve));
      let count = 0;
      for await (const _text of requests as Requests) count++;
      return String(count);
    });
    const call = new FakeCall(slow).send(...Array<string>(16).fill("a"));
    expect(call.writer.isPaused).to.equal(true);
    expect(call.writer.heldBytes).to.equal(16);
    goOn();
    await settle();
    expect(call.writer.isPaused).to.equal(false);
    expect(call.writer.heldBytes).to.equal(0);
    call.sendLast("b");
    await settle();
    expect(call.writer.messages).to.deep.equal(["17"]);
  });

  it("fails the reading of a handler whose client is gone, and logs nothing", async () => {
    let failure: unknown;
    const method = textMethod("client-stream", async (requests) => {
      try {
        for await (const _text of requests as Requests);
      } catch (error) {
        failure = error;
        throw error;
      }
      return "never";
    });
    const call = new FakeCall(method).send("a");
    await settle();
    call.call.recvCancel("The client cancelled the call");
    await settle();
    expect(failure).to.include({ name: "RpcError", code: 1, message: "The client cancelled the call" });
    expect(call.ends).to.deep.equal([]);
    expect(call.host.errors).to.deep.equal([]);
    expect(call.exchange.ended).to.equal(1);
  });
});

describe("a call that streams both ways", () => {
  async function* echo(requests: unknown) {
    for await (const text of requests as Requests) yield `${text}!`;
  }

  it("answers each request as it comes", async () => {
    const call = new FakeCall(textMethod("bidi", echo)).send("a");
    await settle();
    expect(call.writer.messages).to.deep.equal(["a!"]);
    call.sendLast("b");
    await settle();
    expect(call.writer.messages).to.deep.equal(["a!", "b!"]);
    expect(call.ends).to.deep.equal(["0"]);
  });

  it("stops on cancellation, both in reading and in writing", async () => {
    const call = new FakeCall(textMethod("bidi", echo)).send("a");
    await settle();
    call.call.recvCancel("The client cancelled the call");
    await settle();
    expect(call.ends).to.deep.equal([]);
    expect(call.host.errors).to.deep.equal([]);
    expect(call.exchange.ended).to.equal(1);
  });

  it("fails its reader when a request cannot be decoded", async () => {
    const call = new FakeCall(textMethod("bidi", echo)).send("a", "\xff", "b");
    await settle();
    expect(call.ends).to.deep.equal(["13 The request message could not be decoded"]);
    expect(call.exchange.ended).to.equal(1);
  });
});
