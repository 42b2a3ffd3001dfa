import type { MethodSchema } from "../schema/types.ts";
import type { Call } from "./call.ts";
import type { RpcError } from "./status.ts";

/**
 * Answers the calls of a method: hears what arrives, and answers by `call.send` and `call.finish`. Handlers that are
 * functions have theirs from {@link handlerDriver}; another style of handlers is another driver.
 */
export interface MethodDriver {
  /** A call has begun: its metadata is there, its first message is not. */
  open(call: Call): void;
  /** A decoded request that had `bytes` bytes. */
  recvMessage(call: Call, message: unknown, bytes: number): void;
  /** The client sends no more. */
  recvEnd(call: Call): void;
  /** The call is over without success: cancelled, timed out, or ended by an error. Nothing can be sent any more. */
  cancel(call: Call, reason: RpcError): void;
}

/** A method that is served. */
export interface Method {
  readonly schema: MethodSchema;
  readonly driver: MethodDriver;
}
