import { expect } from "chai";
import type { CallContext } from "../../src/rpc/call-context.ts";
import { Deadlines } from "../../src/rpc/deadlines.ts";
import { RpcError, StatusCode } from "../../src/rpc/status.ts";
import { FakeCall, FakeClock, settle, TestHost, textMethod, useFakeTimers } from "../support/fake-call.ts";

const GONE = "The client cancelled the call";

/** A call whose handler has kept its context and settles when the test says so. */
function openCall(timeoutMs?: number, host = new TestHost()) {
  const handle: { context?: CallContext; reply(text: string): void; fail(error: unknown): void } = {
    reply: () => {},
    fail: () => {},
  };
  const method = textMethod("unary", (_request, context) => {
    handle.context = context;
    return new Promise<string>((resolve, reject) => Object.assign(handle, { reply: resolve, fail: reject }));
  });
  const call = new FakeCall(method, host, timeoutMs).sendLast("you");
  return { ...call, call: call.call, ends: () => call.ends, exchange: call.exchange, handle };
}

describe("the cancellation of a call", () => {
  it("reaches the signal at once, with the reason", () => {
    const { call, handle } = openCall();
    const signal = handle.context?.signal as AbortSignal;
    expect(signal.aborted).to.equal(false);
    call.recvCancel(GONE);
    expect(signal.aborted).to.equal(true);
    expect(signal.reason).to.include({ name: "RpcError", code: StatusCode.CANCELLED, message: GONE });
  });

  it("is seen by a handler that asks for the signal afterwards", () => {
    const { call, handle } = openCall();
    call.recvCancel(GONE);
    expect(handle.context?.signal.aborted).to.equal(true);
  });

  it("sends no status, whatever the handler does then", async () => {
    const { call, handle, ends, exchange, host } = openCall();
    call.recvCancel(GONE);
    handle.reply("too late");
    await settle();
    call.recvCancel(GONE);
    call.recvEnd();
    call.recvMessage(Buffer.from("late"));
    expect(ends()).to.deep.equal([]);
    expect(exchange.ended).to.equal(1);
    expect(host.lines).to.deep.equal([]);
  });

  for (const [what, errorOf] of Object.entries({
    "the signal's reason": (reason: unknown) => reason,
    "an AbortError caused by it": (reason: unknown) => new Error("aborted", { cause: reason }),
  })) {
    it(`is no failure of a handler that throws ${what}`, async () => {
      const { call, handle, host } = openCall();
      const { signal } = handle.context as CallContext;
      call.recvCancel(GONE);
      handle.fail(errorOf(signal.reason));
      await settle();
      expect(host.errors).to.deep.equal([]);
    });
  }

  it("leaves a failure that has nothing to do with it in the log", async () => {
    const { call, handle, host } = openCall();
    call.recvCancel(GONE);
    handle.fail(new TypeError("a bug"));
    await settle();
    expect(host.errors).to.deep.equal(["A handler failed"]);
  });

  it("does not abort the signal of a call that has ended well", async () => {
    const { handle, ends } = openCall();
    const signal = handle.context?.signal as AbortSignal;
    handle.reply("done");
    await settle();
    expect(ends()).to.deep.equal(["0"]);
    expect(signal.aborted).to.equal(false);
  });
});

describe("the deadline of a call", () => {
  let clock: FakeClock;
  let host: TestHost;
  let restore: () => void;

  beforeEach(() => {
    clock = new FakeClock();
    restore = useFakeTimers(clock);
    host = new TestHost({}, new Deadlines(() => clock.now()));
  });
  afterEach(() => restore());

  it("ends the call with DEADLINE_EXCEEDED and aborts the signal", () => {
    const { handle, ends } = openCall(100, host);
    const signal = handle.context?.signal as AbortSignal;
    clock.advance(99);
    expect(ends()).to.deep.equal([]);
    clock.advance(1);
    expect(ends()).to.deep.equal(["4 Deadline exceeded"]);
    expect(signal.reason).to.include({ code: StatusCode.DEADLINE_EXCEEDED });
  });

  it("ends the call once, though the handler answers later", async () => {
    const { handle, ends, exchange } = openCall(100, host);
    clock.advance(100);
    handle.reply("too late");
    await settle();
    expect(ends()).to.deep.equal(["4 Deadline exceeded"]);
    expect(exchange.ended).to.equal(1);
  });

  it("is forgotten when the call ends before it", async () => {
    for (const end of [
      (call: ReturnType<typeof openCall>) => call.handle.reply("done"),
      (call: ReturnType<typeof openCall>) => call.handle.fail(new RpcError(StatusCode.ABORTED, "no")),
      (call: ReturnType<typeof openCall>) => call.call.recvCancel(GONE),
    ]) {
      const call = openCall(100, host);
      expect(host.deadlines.size).to.equal(1);
      end(call);
      await settle();
      expect(host.deadlines.size).to.equal(0);
    }
  });

  it("resets a client that does not read, behind whose unread bytes a status would wait", () => {
    const { exchange, ends, handle } = openCall(100, host);
    const signal = handle.context?.signal as AbortSignal;
    exchange.bufferedBytes = 1;
    clock.advance(100);
    expect(exchange.abortCode).to.equal("cancel");
    expect(ends()).to.deep.equal([]);
    expect(signal.aborted).to.equal(true);
  });

  it("is told to the handler as a date and as the time left", () => {
    const { handle } = openCall(60_000, host);
    clock.advance(10_000);
    const { timeLeftMs, deadline } = handle.context as CallContext;
    expect(timeLeftMs).to.equal(50_000);
    expect((deadline as Date).getTime()).to.be.closeTo(Date.now() + 50_000, 1000);
    clock.advance(60_000);
    expect(handle.context?.timeLeftMs).to.equal(0);
  });
});
