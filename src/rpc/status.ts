import { type ErrorDetail, encodeStatusDetails } from "./error-details.ts";
import type { Metadata } from "./metadata.ts";

/** The codes of an RPC's end (gRPC's doc/statuscodes.md). */
export const StatusCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode];

/** How a call ended. */
export interface Status {
  readonly code: number;
  /** For a person; empty when there is nothing to add to the code. */
  readonly message: string;
  /** A google.rpc.Status that says more of it. */
  readonly encodedDetails?: Uint8Array | undefined;
  /** Sent with it, after what the call's trailers have. */
  readonly metadata?: Metadata | undefined;
}

export const OK: Status = { code: StatusCode.OK, message: "" };

export interface RpcErrorOptions extends ErrorOptions {
  /** What a program can read of the error (google/rpc/error_details.proto); sent as `grpc-status-details-bin`. */
  readonly details?: readonly ErrorDetail[];
  /** Sent as trailers. */
  readonly metadata?: Metadata;
}

/** Thrown by a handler to end its call with this status. Its message, details and metadata are sent to the client. */
export class RpcError extends Error implements Status {
  override readonly name = "RpcError";
  readonly details: readonly ErrorDetail[];
  readonly encodedDetails: Uint8Array | undefined;
  readonly metadata: Metadata | undefined;

  /** @throws TypeError when a detail is not what its type says */
  constructor(
    readonly code: StatusCode,
    message: string,
    options: RpcErrorOptions = {},
  ) {
    super(message, options);
    this.details = options.details ?? [];
    this.metadata = options.metadata;
    // At once, so that a mistake shows where it was made.
    this.encodedDetails =
      this.details.length === 0 ? undefined : encodeStatusDetails(code, message, this.details);
  }
}
