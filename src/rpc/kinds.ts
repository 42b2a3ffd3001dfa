import type { MethodKind } from "../schema/types.ts";
import type { Call } from "./call.ts";
import { MessageQueue } from "./message-queue.ts";
import { OK, type RpcError, StatusCode } from "./status.ts";

/** How one of the four kinds of calls meets its handler. */
export interface CallKind {
  open(call: Call): void;
  /** A decoded request that had `bytes` bytes. */
  recvMessage(call: Call, message: unknown, bytes: number): void;
  recvEnd(call: Call): void;
  cancel(call: Call, reason: RpcError): void;
}

/** No request has arrived yet; undefined would be a request that was decoded to nothing. */
const NO_REQUEST = Symbol("no request");

/** A request of a frame or more counts as memory kept until its call ends: a client may never end its side. */
const HOLD_FROM_BYTES = 16 * 1024;

/** The kinds by which side streams: a request or a queue of them, an answer or a sequence. */
export const callKinds: Record<MethodKind, CallKind> = {
  unary: oneRequest(answerOnce),
  "server-stream": oneRequest(answerMany),
  "client-stream": manyRequests(answerOnce),
  bidi: manyRequests(answerMany),
};

/** Runs the handler with its input and sends what it returns. */
type Answer = (call: Call, input: unknown) => void;

function oneRequest(answer: Answer): CallKind {
  return {
    open(call) {
      call.input = NO_REQUEST;
    },
    recvMessage(call, message, bytes) {
      if (call.input === NO_REQUEST) {
        call.input = message;
        if (bytes >= HOLD_FROM_BYTES) call.writer.hold(bytes);
        return;
      }
      const text = "More than one request for a method that takes one";
      call.finish({ code: StatusCode.UNIMPLEMENTED, message: text });
    },
    recvEnd(call) {
      if (call.input !== NO_REQUEST) answer(call, call.input);
      else call.finish({ code: StatusCode.UNIMPLEMENTED, message: "No request for a method that takes one" });
    },
    cancel: stopOutput,
  };
}

function manyRequests(answer: Answer): CallKind {
  return {
    open(call) {
      const queue = new MessageQueue(call.writer);
      call.input = queue;
      answer(call, queue);
    },
    recvMessage(call, message, bytes) {
      (call.input as MessageQueue).push(message, bytes);
    },
    recvEnd(call) {
      (call.input as MessageQueue).end();
    },
    cancel(call, reason) {
      (call.input as MessageQueue).fail(reason);
      stopOutput(call);
    },
  };
}

/** A value or a promise of one. A handler that answers at once costs no promise. */
function answerOnce(call: Call, input: unknown): void {
  let result: unknown;
  try {
    result = call.bound.handler(input, call);
  } catch (error) {
    call.fail(error);
    return;
  }
  if (!isThenable(result)) {
    call.reply(result);
    return;
  }
  call.beginWork();
  result.then(
    (value) => {
      call.endWork();
      call.reply(value);
    },
    (error) => {
      call.endWork();
      call.fail(error);
    },
  );
}

/** An iterable of values, usually an async generator. It is advanced only while the client keeps up. */
function answerMany(call: Call, input: unknown): void {
  let result: unknown;
  try {
    result = call.bound.handler(input, call);
  } catch (error) {
    call.fail(error);
    return;
  }
  call.beginWork();
  sendAll(call, result)
    .catch((error) => call.fail(error))
    .finally(() => call.endWork());
}

async function sendAll(call: Call, result: unknown): Promise<void> {
  const output = iteratorOf(await result);
  call.output = output;
  while (!call.isOver) {
    // Not `for await`: that could not end an iterator which waits for something that never comes.
    const { value, done } = await output.next();
    if (done === true) {
      call.finish(OK);
      return;
    }
    if (call.send(value) === "full") await call.drained();
  }
  await output.return?.();
}

/** Runs the `finally` of a generator, or ends the wait of another iterator, when the call is over. */
function stopOutput(call: Call): void {
  const { output } = call;
  call.output = null;
  if (output?.return === undefined) return;
  const stop = output.return.bind(output);
  Promise.resolve()
    .then(() => stop())
    .catch((error) => call.fail(error));
}

function iteratorOf(values: unknown): AsyncIterator<unknown> {
  const source = values as Partial<AsyncIterable<unknown>>;
  return source[Symbol.asyncIterator]?.() ?? awaitEach(values as Iterable<unknown>);
}

async function* awaitEach(values: Iterable<unknown>): AsyncGenerator<unknown> {
  yield* values;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}
