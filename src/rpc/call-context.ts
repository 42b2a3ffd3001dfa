import type { Peer } from "../exchange.ts";
import type { MethodSchema } from "../schema/types.ts";
import type { Metadata } from "./metadata.ts";

/** What a handler knows of its call besides the messages: the second argument of every handler. */
export interface CallContext {
  /** The method as the .proto file says it. */
  readonly method: MethodSchema;
  /** What the client sent along. */
  readonly metadata: Metadata;
  /** Aborted when the client cancels, the connection is lost, or the deadline passes. Its reason is an RpcError. */
  readonly signal: AbortSignal;
  /** When the client stops waiting; undefined when it waits for ever. */
  readonly deadline: Date | undefined;
  /** Milliseconds left until then, on a clock that does not jump; Infinity without a deadline, never below 0. */
  readonly timeLeftMs: number;
  readonly peer: Peer;
  /** `:authority`, the name by which the client knows this server. */
  readonly authority: string;
  /** Sent before the first message. Filling it later than that has no effect. */
  readonly responseMetadata: Metadata;
  /** Sent after the last message, with the status. */
  readonly trailers: Metadata;
  /** Sends `responseMetadata` now, without waiting for the first message. */
  sendHeaders(): void;
}
