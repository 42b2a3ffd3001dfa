import type {
  ServerInterceptingCallInterface,
  ServerInterceptor,
  ServerMethodDefinition,
} from "@grpc/grpc-js";
import {
  type Call,
  type Codec,
  type Method,
  type MethodDriver,
  type MethodKind,
  RpcError,
  StatusCode,
} from "../../index.ts";
import { BaseCall, type BaseCallHost } from "./base-call.ts";
import { type Handler, type HandlerType, runHandler } from "./handlers.ts";
import { hiddenText } from "./status.ts";

export type Serialize = (value: never) => Buffer;
export type Deserialize = (bytes: Buffer) => unknown;

/** What of the server each of its methods needs. */
export interface MethodContext extends BaseCallHost {
  /** Around calls that came in by this endpoint, innermost last. */
  interceptorsOf(endpoint: object | undefined): readonly ServerInterceptor[];
}

const KINDS: Record<HandlerType, MethodKind> = {
  unary: "unary",
  clientStream: "client-stream",
  serverStream: "server-stream",
  bidi: "bidi",
};

/** A method of the core whose handler is one of grpc-js's. */
export function methodOf(
  handler: Handler,
  serialize: Serialize,
  deserialize: Deserialize,
  context: MethodContext,
): Method {
  const { path, type } = handler;
  return {
    schema: {
      name: path.slice(path.lastIndexOf("/") + 1),
      path,
      kind: KINDS[type],
      request: requestCodec(deserialize),
      response: responseCodec(serialize),
    },
    driver: new HandlerDriver(handler, serialize, deserialize, context),
  };
}

class HandlerDriver implements MethodDriver {
  private readonly definition: ServerMethodDefinition<unknown, unknown>;

  constructor(
    private readonly handler: Handler,
    serialize: Serialize,
    deserialize: Deserialize,
    private readonly context: MethodContext,
  ) {
    const { path, type } = handler;
    this.definition = {
      path,
      requestStream: type === "clientStream" || type === "bidi",
      responseStream: type === "serverStream" || type === "bidi",
      responseSerialize: serialize as (value: unknown) => Buffer,
      requestDeserialize: deserialize as (bytes: Buffer) => unknown,
    };
  }

  open(call: Call): void {
    const { handler, context } = this;
    const base = new BaseCall(call, context);
    call.input = base;
    const interceptors = context.interceptorsOf(call.peer.endpoint);
    let outer: ServerInterceptingCallInterface = base;
    try {
      for (const interceptor of interceptors) outer = interceptor(this.definition, outer);
      runHandler(handler, base, outer);
    } catch (error) {
      call.fail(error);
    }
  }

  recvMessage(call: Call, message: unknown, bytes: number): void {
    (call.input as BaseCall).recvMessage(message, bytes);
  }

  recvEnd(call: Call): void {
    (call.input as BaseCall).recvEnd();
  }

  cancel(call: Call): void {
    (call.input as BaseCall).recvCancel();
  }
}

function requestCodec(deserialize: Deserialize): Codec {
  return {
    typeName: "request",
    encode: refuse,
    decode(bytes) {
      try {
        // The memory is only lent, and a deserializer may keep what it is given.
        return deserialize(Buffer.from(bytes));
      } catch (error) {
        const text = hiddenText("Error deserializing request: ", "Error deserializing request", error);
        throw new RpcError(StatusCode.INTERNAL, text, { cause: error });
      }
    },
  };
}

function responseCodec(serialize: Serialize): Codec {
  return {
    typeName: "response",
    decode: refuse,
    encode(value) {
      try {
        return serialize(value as never);
      } catch (error) {
        const text = hiddenText("Error serializing response: ", "Error serializing response", error);
        throw new RpcError(StatusCode.INTERNAL, text, { cause: error });
      }
    },
  };
}

function refuse(): never {
  throw new Error("A server only decodes requests and encodes responses");
}
