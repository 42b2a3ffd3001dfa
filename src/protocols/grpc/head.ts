import { FieldSection, type RequestHead } from "../../exchange.ts";
import { type CompressionOptions, ENCODINGS, type Encoding, isEncoding } from "../../rpc/compression.ts";
import { encodeBinary, findBadBinary } from "../../rpc/metadata.ts";
import type { Method } from "../../rpc/method.ts";
import type { CallHost } from "../../rpc/protocol.ts";
import { StatusCode } from "../../rpc/status.ts";
import { shorten } from "../shared/shorten.ts";
import { encodeStatusMessage } from "./status-message.ts";
import { parseTimeout } from "./timeout.ts";

/** What a client is told that we can read; `identity` needs no saying, but some look for it. */
const ACCEPTED = ["identity", ...ENCODINGS].join(",");

/** The content types that are gRPC with protobuf; the reply has the type of the request. */
const CONTENT_TYPES: ReadonlySet<string> = new Set(["application/grpc", "application/grpc+proto"]);

/** The response's headers, one section for each combination, so that HTTP/2 encodes them once a connection. */
const RESPONSE_HEADERS = new Map<string, FieldSection>();
for (const type of CONTENT_TYPES) {
  const fields = ["content-type", type, "grpc-accept-encoding", ACCEPTED];
  RESPONSE_HEADERS.set(type, new FieldSection(200, fields, true));
  for (const encoding of ENCODINGS) {
    const section = new FieldSection(200, [...fields, "grpc-encoding", encoding], true);
    RESPONSE_HEADERS.set(`${type} ${encoding}`, section);
  }
}

/** What a request's head means, found once for each distinct head and kept in its memo. */
export class GrpcHead {
  constructor(
    /** That of the server when it was read. */
    readonly registry: object,
    /** Null when the call is answered with `rejection` at once. */
    readonly method: Method | null,
    readonly timeoutMs: number,
    readonly responseHeaders: FieldSection,
    readonly rejection: FieldSection | null,
    /** How the client compresses; null: not at all. */
    readonly encoding: Encoding | null = null,
    /** How replies may be compressed. */
    readonly replyEncoding: Encoding | null = null,
  ) {}
}

/** True when the content type begins like gRPC's, with or without a suffix or parameters; gRPC-Web's does not count. */
export function isGrpc(contentType: string): boolean {
  return /^application\/grpc(?:$|[+;])/i.test(contentType);
}

/** Reads what gRPC needs from a head whose content type {@link isGrpc}. The answers are those of grpc-go. */
export function parseHead(head: RequestHead, host: CallHost): GrpcHead {
  const contentType = (head.get("content-type") ?? "").split(";", 1)[0].trim().toLowerCase();
  const responseType = host.wording.responseType ?? contentType;
  const headers = CONTENT_TYPES.has(contentType) ? RESPONSE_HEADERS.get(responseType) : undefined;
  const reject = (httpStatus: number, code: number, message: string) =>
    new GrpcHead(
      host.registry,
      null,
      0,
      RESPONSE_HEADERS.get("application/grpc")!,
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
    return reject(400, StatusCode.INTERNAL, host.wording.badTimeout(shorten(timeout ?? "")));
  const method = host.findMethod(head.path);
  if (method === undefined) {
    const message = `The server does not implement the method ${shorten(head.path)}`;
    return new GrpcHead(
      host.registry,
      null,
      0,
      headers,
      trailersOnly(headers, StatusCode.UNIMPLEMENTED, message),
    );
  }
  const encoding = head.get("grpc-encoding");
  if (encoding !== undefined && encoding !== "identity" && !isEncoding(encoding)) {
    const message = `grpc-encoding "${shorten(encoding)}" is not supported`;
    return new GrpcHead(
      host.registry,
      null,
      0,
      headers,
      trailersOnly(headers, StatusCode.UNIMPLEMENTED, message),
    );
  }
  if (timeoutMs <= 0) {
    const answer = trailersOnly(headers, StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded");
    return new GrpcHead(host.registry, null, 0, headers, answer);
  }
  const used = encoding !== undefined && isEncoding(encoding) ? encoding : null;
  const replies = replyEncoding(head.get("grpc-accept-encoding"), used, host.compression);
  const section = replies === null ? headers : RESPONSE_HEADERS.get(`${responseType} ${replies}`)!;
  return new GrpcHead(host.registry, method, timeoutMs, section, null, used, replies);
}

/** The encoding of replies: the client's own when it uses one, or the first of those it accepts that we have. */
function replyEncoding(
  accepted: string | undefined,
  used: Encoding | null,
  { replies }: CompressionOptions,
): Encoding | null {
  if (replies === "never" || (replies === "match" && used === null)) return null;
  // A client that uses an encoding without naming what it accepts can read that one.
  const names = accepted?.split(",").map((name) => name.trim()) ?? (used === null ? [] : [used]);
  if (used !== null && names.includes(used)) return used;
  return names.find(isEncoding) ?? null;
}

/** Response headers that carry the status: nothing was or will be sent besides ("Trailers-Only"). */
function trailersOnly(headers: FieldSection, code: number, message: string): FieldSection {
  return new FieldSection(200, [...headers.fields, ...statusFields(code, message)]);
}

function rejection(httpStatus: number, code: number, message: string): FieldSection {
  return new FieldSection(httpStatus, ["content-type", "application/grpc", ...statusFields(code, message)]);
}

/** The trailer fields that every call ends with. */
export function statusFields(code: number, message: string, details?: Uint8Array): string[] {
  const fields = ["grpc-status", String(code)];
  if (message !== "") fields.push("grpc-message", encodeStatusMessage(message));
  if (details !== undefined) fields.push("grpc-status-details-bin", encodeBinary(details));
  return fields;
}
