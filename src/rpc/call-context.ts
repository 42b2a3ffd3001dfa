import type { Peer } from "../exchange.ts";
import type { MethodSchema } from "../schema/types.ts";
import type { LoadReport } from "./load-report.ts";
import type { Metadata } from "./metadata.ts";

/** What a handler knows of its call besides the messages: the second argument of every handler. */
export interface CallContext {
  /** The method's name in the .proto file, and the path of its calls. */
  readonly method: Pick<MethodSchema, "name" | "path">;
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
  /** False: the messages from here on are sent as they are, even to a client that accepts compressed ones. */
  compress: boolean;
  /** Bytes of replies that the client has yet to take. */
  readonly bufferedBytes: number;
  /** What the call has cost, for a client that balances load. Asking for it is enough to have it sent, as a trailer. */
  readonly loadReport: LoadReport;
  /** Whether the client sent this request message compressed. False for a copy of one. */
  wasCompressed(request: object): boolean;
  /** Sends `responseMetadata` now, without waiting for the first message. */
  sendHeaders(): void;
}
