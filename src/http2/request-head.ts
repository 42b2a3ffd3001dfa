import { type FieldList, RequestHead } from "../exchange.ts";
import { malformed, type Violation } from "./violations.ts";

/** A request's head with what the engine itself needs of it. */
/** Heads above this are counted: a thousand streams with the largest ones hold 16 MiB. */
const LARGE_HEAD_BYTES = 1024;

export class Http2RequestHead extends RequestHead {
  constructor(
    method: string,
    scheme: string,
    authority: string,
    path: string,
    fields: FieldList,
    /** The announced length of the body; -1 when none is. */
    readonly contentLength: number,
    /** RFC 9218: 0 is the most urgent, 7 the least, 3 the default. */
    readonly urgency: number,
  ) {
    super(method, scheme, authority, path, fields);
    let size = path.length;
    for (const text of fields) size += text.length;
    this.keptBytes = size > LARGE_HEAD_BYTES ? size : 0;
  }

  /** What counts as memory kept while its stream is open; 0 for a head that is small beside the stream itself. */
  readonly keptBytes: number;
}

/** The head of a request that is well-formed HTTP/2 but that no server can serve: it is answered 400. */
export const badRequest = Symbol("bad request");

const pseudoAfterRegular = malformed("pseudo-field-after-regular");
const pseudoUnknown = malformed("pseudo-field-unknown");
const pseudoDuplicate = malformed("pseudo-field-duplicate");
const pseudoMissing = malformed("pseudo-field-missing");
const pseudoInTrailers = malformed("pseudo-field-in-trailers");
const pathEmpty = malformed("path-empty");
const fieldNameInvalid = malformed("field-name-invalid");
const fieldValueInvalid = malformed("field-value-invalid");
const connectionSpecific = malformed("connection-specific-field");
const teNotTrailers = malformed("te-not-trailers");
const authorityUserinfo = malformed("authority-userinfo");
const authorityMismatch = malformed("authority-and-host-differ");
const contentLengthInvalid = malformed("content-length-invalid");
const extendedConnect = malformed("extended-connect-not-offered");
const trailerForbidden = malformed("field-not-allowed-in-trailers");

/** RFC 9113 section 8.2.1: the least a recipient must check in a name … */
const NAME_INVALID = /[^\x21-\x39\x3b-\x40\x5b-\x7e]/;
/** … and in a value: no NUL, CR or LF anywhere, no white space at either end. */
const VALUE_INVALID = /[\0\r\n]|^[ \t]|[ \t]$/;
const DIGITS = /^\d{1,15}$/;

type PseudoName = ":method" | ":scheme" | ":authority" | ":path";

/** Gathers what may come once. */
class HeadParts {
  ":method": string | null = null;
  ":scheme": string | null = null;
  ":authority": string | null = null;
  ":path": string | null = null;
  host: string | null = null;
  contentLength = -1;
  urgency = 3;
  tooMany = false;
}

/**
 * Makes a request's head of a decoded field list, or says what is wrong with it (RFC 9113 sections 8.2 and 8.3).
 * A second `:authority` or `host` is answered 400, since it names two targets; a second one of the others is malformed.
 */
export function parseRequestHead(list: FieldList): Http2RequestHead | Violation | typeof badRequest {
  const parts = new HeadParts();
  let at = 0;
  for (; at < list.length && list[at].charCodeAt(0) === 0x3a; at += 2) {
    const violation = takePseudo(parts, list[at], list[at + 1]);
    if (violation !== null) return violation;
  }
  const fields = list.slice(at);
  for (let i = 0; i < fields.length; i += 2) {
    const violation = takeField(parts, fields[i], fields[i + 1]);
    if (violation !== null) return violation;
  }
  return finishHead(parts, fields);
}

function takePseudo(parts: HeadParts, name: string, value: string): Violation | null {
  if (name !== ":method" && name !== ":scheme" && name !== ":authority" && name !== ":path") {
    return name === ":protocol" ? extendedConnect : pseudoUnknown;
  }
  if (VALUE_INVALID.test(value)) return fieldValueInvalid;
  if (parts[name as PseudoName] !== null) {
    if (name !== ":authority") return pseudoDuplicate;
    parts.tooMany = true;
  }
  parts[name] = value;
  return null;
}

function takeField(parts: HeadParts, name: string, value: string): Violation | null {
  const violation = judgeField(name, value);
  if (violation !== null) return violation;
  switch (name) {
    case "te":
      return value === "trailers" ? null : teNotTrailers;
    case "host":
      parts.tooMany ||= parts.host !== null;
      parts.host = value;
      return null;
    case "content-length": {
      if (!DIGITS.test(value)) return contentLengthInvalid;
      const length = Number(value);
      if (parts.contentLength >= 0 && parts.contentLength !== length) return contentLengthInvalid;
      parts.contentLength = length;
      return null;
    }
    case "priority":
      parts.urgency = parseUrgency(value);
      return null;
    default:
      return null;
  }
}

function judgeField(name: string, value: string): Violation | null {
  if (name.charCodeAt(0) === 0x3a) return pseudoAfterRegular;
  if (name.length === 0 || NAME_INVALID.test(name)) return fieldNameInvalid;
  if (VALUE_INVALID.test(value)) return fieldValueInvalid;
  switch (name) {
    case "connection":
    case "proxy-connection":
    case "keep-alive":
    case "transfer-encoding":
    case "upgrade":
      return connectionSpecific;
    default:
      return null;
  }
}

function finishHead(parts: HeadParts, fields: FieldList): Http2RequestHead | Violation | typeof badRequest {
  const { ":method": method, ":scheme": scheme, ":path": path, ":authority": authority, host } = parts;
  if (method === null || method === "") return pseudoMissing;
  if (method === "CONNECT") {
    // Section 8.5: CONNECT has neither; an authority it must have.
    if (scheme !== null || path !== null || authority === null) return pseudoMissing;
  } else if (scheme === null || path === null) {
    return pseudoMissing;
  } else if (path === "") {
    return pathEmpty;
  }
  if (parts.tooMany) return badRequest;
  if (authority?.includes("@")) return authorityUserinfo;
  if (authority !== null && host !== null && authority !== host) return authorityMismatch;
  return new Http2RequestHead(
    method,
    scheme ?? "",
    authority ?? host ?? "",
    path ?? "",
    fields,
    parts.contentLength,
    parts.urgency,
  );
}

/** Judges trailers (section 8.1); null when they are fine. */
export function judgeTrailerFields(list: FieldList): Violation | null {
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i];
    if (name.charCodeAt(0) === 0x3a) return pseudoInTrailers;
    const violation = judgeField(name, list[i + 1]);
    if (violation !== null) return violation;
    if (name === "content-length" || name === "te" || name === "host") return trailerForbidden;
  }
  return null;
}

/** The urgency of a priority field value (RFC 9218 section 4.1); what does not parse is the default. */
export function parseUrgency(value: string): number {
  const match = /(?:^|[,;\s])u=([0-7])(?:$|[,;\s])/.exec(value);
  return match ? Number(match[1]) : 3;
}
