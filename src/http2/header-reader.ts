import type { FieldList } from "../exchange.ts";
import { BlockCache } from "./hpack/block-cache.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { HpackError } from "./hpack/errors.ts";
import type { Http2Limits } from "./limits.ts";
import { badRequest, type Http2RequestHead, judgeTrailerFields, parseRequestHead } from "./request-head.ts";
import { compressionError, headerListWayTooLarge, Violation } from "./violations.ts";

/** SETTINGS_HEADER_TABLE_SIZE before anybody has said anything (RFC 9113 section 6.5.2). */
const INITIAL_TABLE_BYTES = 4096;

/** The header list passed a limit: the stream is answered 431, and the HPACK state is still in step. */
export const tooLarge = Symbol("header list too large");

export type HeadResult = Http2RequestHead | Violation | typeof badRequest | typeof tooLarge;

/** Turns header blocks into request heads and trailers. A block seen before on an unchanged table is not decoded again. */
export class HeaderReader {
  private readonly decoder: HpackDecoder;
  private readonly cache = new BlockCache<Http2RequestHead>();

  constructor(private readonly limits: Http2Limits) {
    // Until the peer has acknowledged our SETTINGS it may use the initial size.
    this.decoder = new HpackDecoder(Math.max(INITIAL_TABLE_BYTES, limits.headerTableBytes), {
      maxListBytes: limits.maxHeaderListBytes,
      maxFields: limits.maxHeaderFields,
      absoluteListBytes: limits.maxHeaderBlockBytes,
    });
  }

  /** The peer has acknowledged our SETTINGS: the size of its table is ours to say from now on. */
  recvSettingsAck(): void {
    this.decoder.setMaxTableSize(this.limits.headerTableBytes);
  }

  readRequest(bytes: Buffer, start: number, end: number): HeadResult {
    const { decoder, cache } = this;
    const seen = cache.get(bytes, start, end, decoder.generation);
    if (seen !== undefined) return seen;
    const { generation } = decoder;
    const fields = this.decode(bytes, start, end);
    if (fields instanceof Violation || fields === tooLarge) return fields;
    const head = parseRequestHead(fields);
    // A block that changed the table means something else the next time.
    const isRepeatable =
      decoder.generation === generation && head !== badRequest && !(head instanceof Violation);
    if (isRepeatable) cache.put(bytes, start, end, generation, head);
    return head;
  }

  readTrailers(bytes: Buffer, start: number, end: number): FieldList | Violation | typeof tooLarge {
    const fields = this.decode(bytes, start, end);
    if (fields instanceof Violation || fields === tooLarge) return fields;
    return judgeTrailerFields(fields) ?? fields;
  }

  private decode(bytes: Buffer, start: number, end: number): FieldList | Violation | typeof tooLarge {
    try {
      const { fields, overflow } = this.decoder.decode(bytes, start, end);
      return overflow === null ? fields : tooLarge;
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      return error.violation === "header-list-way-too-large"
        ? headerListWayTooLarge
        : new Violation(compressionError.scope, compressionError.code, error.violation);
    }
  }
}
