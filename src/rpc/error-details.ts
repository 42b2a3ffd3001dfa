import { vendoredCodec } from "../schema/vendored.ts";

/** Seconds and nanoseconds (google.protobuf.Duration). */
export interface Duration {
  readonly seconds: number | string;
  readonly nanos?: number;
}

/** The messages of google/rpc/error_details.proto, each with its type's name. */
export type StandardErrorDetail =
  | {
      readonly type: "google.rpc.ErrorInfo";
      /** Why, as a constant in UPPER_SNAKE_CASE that a program can compare. */
      readonly reason: string;
      /** Whose reason it is: usually a host name. */
      readonly domain?: string;
      readonly metadata?: Readonly<Record<string, string>>;
    }
  | { readonly type: "google.rpc.RetryInfo"; readonly retryDelay: Duration }
  | {
      readonly type: "google.rpc.DebugInfo";
      readonly stackEntries?: readonly string[];
      readonly detail?: string;
    }
  | {
      readonly type: "google.rpc.QuotaFailure";
      readonly violations: readonly { readonly subject: string; readonly description: string }[];
    }
  | {
      readonly type: "google.rpc.PreconditionFailure";
      readonly violations: readonly {
        readonly type: string;
        readonly subject: string;
        readonly description: string;
      }[];
    }
  | {
      readonly type: "google.rpc.BadRequest";
      /** `field` is a path: `address.lines[2]`. */
      readonly fieldViolations: readonly { readonly field: string; readonly description: string }[];
    }
  | { readonly type: "google.rpc.RequestInfo"; readonly requestId: string; readonly servingData?: string }
  | {
      readonly type: "google.rpc.ResourceInfo";
      readonly resourceType: string;
      readonly resourceName: string;
      readonly owner?: string;
      readonly description?: string;
    }
  | {
      readonly type: "google.rpc.Help";
      readonly links: readonly { readonly description: string; readonly url: string }[];
    }
  | { readonly type: "google.rpc.LocalizedMessage"; readonly locale: string; readonly message: string };

/** A message of any other type, encoded already (google.protobuf.Any). */
export interface EncodedErrorDetail {
  /** `type.googleapis.com/shop.OutOfStock` */
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

export type ErrorDetail = StandardErrorDetail | EncodedErrorDetail;

/**
 * A google.rpc.Status, as `grpc-status-details-bin` holds it.
 *
 * @throws TypeError when a detail is not what its type says
 */
export function encodeStatusDetails(
  code: number,
  message: string,
  details: readonly ErrorDetail[],
): Uint8Array {
  return vendoredCodec("google/rpc", "google.rpc.Status").encode({
    code,
    message,
    details: details.map(toAny),
  });
}

function toAny(detail: ErrorDetail): object {
  if ("typeUrl" in detail) return { type_url: detail.typeUrl, value: detail.value };
  const { type, ...fields } = detail;
  return { "@type": `type.googleapis.com/${type}`, ...fields };
}
