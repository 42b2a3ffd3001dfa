import { type Metadata as GrpcMetadata, type StatusObject, status } from "@grpc/grpc-js";
import type { Status } from "../../index.ts";
import type { ServerErrorResponse, ServerStatusResponse } from "./internals.ts";
import { detailsOf, fromGrpcMetadata } from "./metadata.ts";

/** A status as interceptors and handlers send it. */
export type PartialStatus = Pick<StatusObject, "code" | "details"> & { metadata?: GrpcMetadata | null };

export const OK: PartialStatus = { code: status.OK, details: "OK", metadata: null };

/** The status that a handler's error stands for: its own `code` and `details`, or UNKNOWN and its message. */
export function statusOfError(
  error: ServerErrorResponse | ServerStatusResponse,
  trailer?: GrpcMetadata | undefined,
): PartialStatus {
  const text = "message" in error ? error.message : "Unknown Error";
  const metadata = trailer ?? error.metadata ?? null;
  if (!Number.isInteger(error.code)) return { code: status.UNKNOWN, details: text, metadata };
  return {
    code: error.code as number,
    details: typeof error.details === "string" ? error.details : text,
    metadata,
  };
}

/** What is told of an error that nobody meant for the client: its text stays here, unless the environment asks for it. */
export function hiddenText(told: string, hidden: string, error: unknown): string {
  if (process.env["GRPC_NODE_DEBUG_SEND_ERROR_DETAILS"] !== "true") return hidden;
  return `${told}${error instanceof Error ? error.message : String(error)}`;
}

/** The end of a call whose handler threw. */
export function statusOfThrown(error: unknown): PartialStatus {
  const details = hiddenText("Server method handler threw error ", "Unknown error", error);
  return { code: status.UNKNOWN, details, metadata: null };
}

export function unimplemented(path: string): PartialStatus {
  return {
    code: status.UNIMPLEMENTED,
    details: `The server does not implement the method ${path}`,
    metadata: null,
  };
}

/** The same for the core. */
export function toCoreStatus({ code, details, metadata }: PartialStatus): Status {
  const message = details ?? "";
  if (metadata == null) return { code, message };
  return { code, message, metadata: fromGrpcMetadata(metadata), encodedDetails: detailsOf(metadata) };
}
