import { FieldSection, type RequestHead } from "../../exchange.ts";
import { findBadBinary } from "../../rpc/metadata.ts";
import type { CallHost } from "../../rpc/protocol.ts";
import type { BoundMethod } from "../../rpc/service.ts";
import { StatusCode } from "../../rpc/status.ts";
import { shorten } from "../shared/shorten.ts";
import { encodeStatusMessage } from "./status-message.ts";
import { parseTimeout } from "./timeout.ts";

/** The content types that are gRPC with protobuf; the reply has the type of the request. */
const CONTENT_TYPES = ["application/grpc", "application/grpc+proto"] as const;

/** The response's headers, one section for each content type, so that HTTP/2 encodes them once a connection. */
const RESPONSE_HEADERS = new Map<string, FieldSection>(
  CONTENT_TYPES.map((type) => [type, new FieldSection(200, ["content-type", type], true)]),
);

/** What a request's head means, found once for each distinct head and kept in its memo. */
export class GrpcHead {
  constructor(
    readonly host: CallHost,
    /** Null when the call is answered with `rejection` at once. */
    readonly method: BoundMethod | null,
    readonly timeoutMs: number,
    readonly responseHeaders: FieldSection,
    readonly rejection: FieldSection | null,
  ) {}
}

/** True when the content type begins like gRPC's, with or without a suffix or parameters; gRPC-Web's does not count. */
export function isGrpc(contentType: string): boolean {
  return /^application\/grpc(?:$|[+;])/i.test(contentType);
}

/** Reads what gRPC needs from a head whose content type {@link isGrpc}. The answers are those of grpc-go. */
export function parseHead(head: RequestHead, host: CallHost): GrpcHead {
  const contentType = (head.get("content-type") ?? "").split(";", 1)[0].trim().toLowerCase();
  const headers = RESPONSE_HEADERS.get(contentType);
  const reject = (httpStatus: number, code: number, message: string) =>
    new GrpcHead(
      host,
      null,
      0,
      RESPONSE_HEADERS.get(CONTENT_TYPES[0])!,
      rejection(httpStatus, code, message),
    );
  if (headers === undefined) {
    return reject(415, StatusCode.INTERNAL, `content-type "${shorten(contentType)}" is not supported`);
  }
  if (head.method !== "POST") {
    return reject(405, StatusCode.INTERNAL, `gRPC wants the method POST, not "${shorten(head.method)}"`);
  }
  const badBinary = findBadBinary(head.fields);
  if (badBinary !== null)
    return reject(400, StatusCode.INTERNAL, `malformed binary metadata "${shorten(badBinary)}"`);
  const timeout = head.get("grpc-timeout");
  const timeoutMs = timeout === undefined ? Number.POSITIVE_INFINITY : parseTimeout(timeout);
  if (timeoutMs === null)
    return reject(400, StatusCode.INTERNAL, `malformed grpc-timeout "${shorten(timeout ?? "")}"`);
  const method = host.findMethod(head.path);
  if (method === undefined) {
    const message = `The server does not implement the method ${shorten(head.path)}`;
    return new GrpcHead(host, null, 0, headers, trailersOnly(headers, StatusCode.UNIMPLEMENTED, message));
  }
  const encoding = head.get("grpc-encoding");
  if (encoding !== undefined && encoding !== "identity") {
    const fields = ["grpc-accept-encoding", "identity"];
    const message = `grpc-encoding "${shorten(encoding)}" is not supported`;
    return new GrpcHead(
      host,
      null,
      0,
      headers,
      trailersOnly(headers, StatusCode.UNIMPLEMENTED, message, fields),
    );
  }
  if (timeoutMs <= 0) {
    const answer = trailersOnly(headers, StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded");
    return new GrpcHead(host, null, 0, headers, answer);
  }
  return new GrpcHead(host, method, timeoutMs, headers, null);
}

/** Response headers that carry the status: nothing was or will be sent besides ("Trailers-Only"). */
export function trailersOnly(
  headers: FieldSection,
  code: number,
  message: string,
  more: readonly string[] = [],
): FieldSection {
  return new FieldSection(200, [...headers.fields, ...more, ...statusFields(code, message)]);
}

function rejection(httpStatus: number, code: number, message: string): FieldSection {
  return new FieldSection(httpStatus, ["content-type", "application/grpc", ...statusFields(code, message)]);
}

/** The trailer fields that every call ends with. */
export function statusFields(code: number, message: string): string[] {
  const fields = ["grpc-status", String(code)];
  if (message !== "") fields.push("grpc-message", encodeStatusMessage(message));
  return fields;
}
