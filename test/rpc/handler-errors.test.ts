import { expect } from "chai";
import type { HandlerFunction } from "../../src/rpc/handler-driver.ts";
import { RpcError, StatusCode } from "../../src/rpc/status.ts";
import type { MethodKind } from "../../src/schema/types.ts";
import { FakeCall, settle } from "../support/fake-call.ts";
import { textMethod } from "../support/test-host.ts";

const secret = () => new TypeError("SECRET: the password is 1234");
const refusal = () => new RpcError(StatusCode.NOT_FOUND, "not here");
const never = () => new Promise<never>(() => {});

/** What goes wrong, and what must come of it. `cancels`: the client cancels first. */
interface Place {
  readonly name: string;
  /** For kinds with one reply, and with many; a place that a kind does not have is left out. */
  readonly once?: HandlerFunction;
  readonly many?: HandlerFunction;
  readonly end: string | null;
  readonly logs: number;
  readonly cancels?: boolean;
}

const FAILED = "2 The handler failed";

const places: Place[] = [
  {
    name: "throws before anything else",
    once: () => {
      throw secret();
    },
    many: () => {
      throw secret();
    },
    end: FAILED,
    logs: 1,
  },
  {
    name: "rejects",
    once: async () => Promise.reject(secret()),
    many: async () => Promise.reject(secret()),
    end: FAILED,
    logs: 1,
  },
  {
    name: "throws what is no error",
    once: () => Promise.reject(undefined),
    many: async function* () {
      yield "first";
      throw null;
    },
    end: FAILED,
    logs: 1,
  },
  {
    name: "throws an RpcError",
    once: () => {
      throw refusal();
    },
    many: async function* () {
      yield* [];
      throw refusal();
    },
    end: "5 not here",
    logs: 0,
  },
  {
    name: "throws after a while, or after the first message",
    once: async () => {
      await settle();
      throw secret();
    },
    many: async function* () {
      yield "first";
      await settle();
      throw secret();
    },
    end: FAILED,
    logs: 1,
  },
  {
    name: "returns what cannot be sent",
    once: () => 42,
    many: async function* () {
      yield "first";
      yield 42;
    },
    end: "13 The response message could not be encoded",
    logs: 1,
  },
  {
    name: "never ends after the client has cancelled",
    once: never,
    many: async function* () {
      yield "first";
      await never();
    },
    end: null,
    logs: 0,
    cancels: true,
  },
  {
    name: "throws after the client has cancelled",
    once: async (_input, call) => {
      await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
      throw call.signal.reason;
    },
    many: async function* (_input, call) {
      yield "first";
      await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
      call.signal.throwIfAborted();
    },
    end: null,
    logs: 0,
    cancels: true,
  },
];

describe("a handler that", () => {
  for (const { name, once, many, end, logs, cancels } of places) {
    for (const kind of ["unary", "server-stream", "client-stream", "bidi"] as MethodKind[]) {
      it(`${name} (${kind}): exactly one status, ${logs} in the log, nothing of it told`, async () => {
        const handler = kind === "unary" || kind === "client-stream" ? once : many;
        const fake = new FakeCall(textMethod(kind, handler!)).sendLast("a");
        await settle();
        if (cancels) fake.call.recvCancel("The client cancelled the call");
        for (let i = 0; i < 4; i++) await settle();
        expect(fake.ends).to.deep.equal(end === null ? [] : [end]);
        expect(fake.host.errors).to.have.length(logs);
        expect(JSON.stringify(fake.writer)).to.not.contain("SECRET");
        const withStack = fake.host.lines.filter(({ level }) => level === "error");
        for (const { fields } of withStack) expect(fields).to.include.keys("method", "error");
      });
    }
  }
});
