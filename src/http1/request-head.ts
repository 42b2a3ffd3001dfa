import type { IncomingMessage } from "node:http";
import { type FieldList, RequestHead } from "../exchange.ts";
import { Refusal } from "./refusal.ts";

/**
 * Fields that speak of this one connection. The layers above see a request without them, as HTTP/2 carries none
 * (RFC 9113 section 8.2.2). `upgrade` and `http2-settings` go with them: an Upgrade to h2c is never taken.
 */
const CONNECTION_FIELDS = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(.*)$/i;

/**
 * Reads the head of a request that Node's parser let pass, and applies what the parser leaves to the server.
 * `maxFields` counts the fields as they were sent. Returns a {@link Refusal} for a head that must not be served.
 */
export function readRequestHead(
  request: IncomingMessage,
  scheme: string,
  maxFields: number,
): RequestHead | Refusal {
  const raw = request.rawHeaders;
  if (raw.length / 2 > maxFields) return new Refusal(431, "Too many header fields.");
  let host: string | undefined;
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i].toLowerCase();
    const value = raw[i + 1];
    if (name === "host") {
      // RFC 9112 section 3.2: a second one is answered 400, for two servers in a row could each pick another.
      if (host !== undefined) return new Refusal(400, "More than one Host field.");
      host = value;
    }
    // RFC 9112 section 6.1: HTTP/1.0 has no transfer codings, so where this request ends is a matter of opinion.
    if (name === "transfer-encoding" && request.httpVersionMinor === 0) {
      return new Refusal(400, "Transfer-Encoding in an HTTP/1.0 request.");
    }
    if (!CONNECTION_FIELDS.has(name)) fields.push(name, value);
  }
  return withTarget(request.method ?? "", request.url ?? "", scheme, host ?? "", fields);
}

function withTarget(
  method: string,
  target: string,
  scheme: string,
  host: string,
  fields: FieldList,
): RequestHead | Refusal {
  if (target.startsWith("/") || target === "*") return new RequestHead(method, scheme, host, target, fields);
  // RFC 9112 section 3.2.2: a server must take the absolute form, and its authority replaces the Host field.
  const absolute = ABSOLUTE_FORM.exec(target);
  if (absolute === null) return new Refusal(400, "The request target is neither a path nor an http(s) URL.");
  const [, authority, rest] = absolute;
  const path = rest.startsWith("/") ? rest : `/${rest}`;
  return new RequestHead(method, scheme, authority, path, fields);
}

/** The trailer fields in the form of the seam: lower-case names and values in one flat list. */
export function readTrailers(request: IncomingMessage): FieldList {
  return request.rawTrailers.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
}

/** True when the head says that no body follows (RFC 9112 section 6.3). */
export function hasNoBody(request: IncomingMessage): boolean {
  const { headers } = request;
  return headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;
}
