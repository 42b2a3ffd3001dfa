import type { MethodKind } from "../schema/types.ts";
import type { Call } from "./call.ts";
import type { CallContext } from "./call-context.ts";
import { InterceptedRun } from "./intercepted-run.ts";
import type { Interceptor } from "./interceptor.ts";
import { MessageQueue } from "./message-queue.ts";
import type { MethodDriver } from "./method.ts";
import { sendAll, stopOutput } from "./output.ts";
import { StatusCode } from "./status.ts";

/** `input` is the request or, when the client streams, an async iterable of requests. */
export type HandlerFunction = (input: unknown, call: CallContext) => unknown;

/** No request has arrived yet; undefined would be a request that was decoded to nothing. */
const NO_REQUEST = Symbol("no request");

/** Runs the handler with its input and sends what it returns. */
type Answer = (call: Call, input: unknown) => void;

/** The driver of a method whose handler is a function of one of the four shapes. */
export function handlerDriver(
  kind: MethodKind,
  handler: HandlerFunction,
  interceptor: Interceptor | null = null,
): MethodDriver {
  const sendsMany = kind === "server-stream" || kind === "bidi";
  const answer =
    interceptor === null
      ? sendsMany
        ? answerMany(handler)
        : answerOnce(handler)
      : answerIntercepted(handler, interceptor, sendsMany);
  return kind === "unary" || kind === "server-stream" ? oneRequest(answer) : manyRequests(answer);
}

function oneRequest(answer: Answer): MethodDriver {
  return {
    open(call) {
      call.input = NO_REQUEST;
    },
    recvMessage(call, message, bytes) {
      if (call.input === NO_REQUEST) {
        call.input = message;
        // Until the call ends, since its client may never end its side.
        call.writer.hold(bytes);
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

function manyRequests(answer: Answer): MethodDriver {
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
function answerOnce(handler: HandlerFunction): Answer {
  return (call, input) => {
    let result: unknown;
    try {
      result = handler(input, call);
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
  };
}

/** An iterable of values, usually an async generator. It is advanced only while the client keeps up. */
function answerMany(handler: HandlerFunction): Answer {
  return (call, input) => {
    let result: unknown;
    try {
      result = handler(input, call);
    } catch (error) {
      call.fail(error);
      return;
    }
    call.beginWork();
    sendAll(call, result)
      .then(() => call.succeed())
      .catch((error) => call.fail(error))
      .finally(() => call.endWork());
  };
}

function answerIntercepted(handler: HandlerFunction, interceptor: Interceptor, sendsMany: boolean): Answer {
  return (call, input) => {
    call.beginWork();
    new InterceptedRun(call, input, handler, sendsMany)
      .through(interceptor)
      .catch((error) => call.fail(error))
      .finally(() => call.endWork());
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}
