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
}

export const OK: Status = { code: StatusCode.OK, message: "" };

/** Thrown by a handler to end its call with this status. Its message is sent to the client. */
export class RpcError extends Error implements Status {
  override readonly name = "RpcError";

  constructor(
    readonly code: StatusCode,
    message: string,
  ) {
    super(message);
  }
}

/** The name of a code, for logs: `NOT_FOUND`. */
export function statusName(code: number): string {
  for (const [name, value] of Object.entries(StatusCode)) if (value === code) return name;
  return `CODE_${code}`;
}
