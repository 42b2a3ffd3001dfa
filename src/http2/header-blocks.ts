import type { FieldSection } from "../exchange.ts";
import type { HeaderAssembly } from "./header-assembly.ts";
import { HeaderReader, tooLarge } from "./header-reader.ts";
import type { Http2Limits } from "./limits.ts";
import { badRequest, Http2RequestHead } from "./request-head.ts";
import type { Http2Stream } from "./stream.ts";
import * as state from "./stream-state.ts";
import type { StreamTable } from "./stream-table.ts";
import * as v from "./violations.ts";
import { Violation } from "./violations.ts";

/** Answers to requests that never become an exchange. The layer above may add what its clients look for. */
export interface Rejections {
  /** 400: two targets named. */
  readonly badRequest: FieldSection;
  /** 431: too many or too large header fields. */
  readonly headersTooLarge: FieldSection;
}

/** Opens the streams of requests. */
export interface StreamOpener {
  /** Whether a new stream can be served now. */
  judgeLoad(): Violation | null;
  open(streamId: number, head: Http2RequestHead, endStream: boolean): Http2Stream;
  /** Hands a stream to whoever answers it. */
  serve(stream: Http2Stream, endStream: boolean): void;
}

const HEAD_OF_REJECTED = new Http2RequestHead("", "", "", "", [], -1, 3);

/** Takes whole header blocks: requests, the trailers of requests, and what comes too late. */
export class HeaderBlocks {
  private readonly reader: HeaderReader;

  constructor(
    limits: Http2Limits,
    private readonly table: StreamTable,
    private readonly rejections: Rejections,
    private readonly opener: StreamOpener,
  ) {
    this.reader = new HeaderReader(limits);
  }

  /** The peer knows our limits from now on. */
  recvSettingsAck(): void {
    this.reader.recvSettingsAck();
  }

  recv(block: HeaderAssembly): Violation | null {
    const { streamId } = block;
    if ((streamId & 1) === 0) return v.streamIdEven;
    if (streamId > this.table.lastPeerId) return this.recvRequest(streamId, block);
    const stream = this.table.find(streamId);
    if (stream === undefined) return this.recvLate(streamId, block);
    return this.recvTrailers(stream, block);
  }

  private recvRequest(streamId: number, block: HeaderAssembly): Violation | null {
    const { table, opener, rejections } = this;
    const head = this.reader.readRequest(block.block, block.start, block.end);
    table.lastPeerId = streamId;
    if (head instanceof Violation) return head;
    if (streamId > table.lastAcceptedId) {
      table.closed.addReset(streamId);
      return null;
    }
    if (block.streamViolation !== null) return block.streamViolation;
    const refusal = opener.judgeLoad();
    if (refusal !== null) return refusal;
    if (head === tooLarge) return this.reject(streamId, block.endStream, rejections.headersTooLarge);
    if (head === badRequest) return this.reject(streamId, block.endStream, rejections.badRequest);
    if (block.endStream && head.contentLength > 0) return v.contentLengthMismatch;
    opener.serve(opener.open(streamId, head, block.endStream), block.endStream);
    return null;
  }

  private reject(streamId: number, endStream: boolean, answer: FieldSection): null {
    this.opener.open(streamId, HEAD_OF_REJECTED, endStream).respondAndEnd(answer);
    return null;
  }

  private recvTrailers(stream: Http2Stream, block: HeaderAssembly): Violation | null {
    const fields = this.reader.readTrailers(block.block, block.start, block.end);
    if (fields instanceof Violation && fields.scope === "connection") return fields;
    const violation = state.judgeTrailers(stream.state, block.endStream);
    if (violation !== null) return violation;
    if (fields instanceof Violation) return fields;
    if (fields === tooLarge) return v.malformed("trailers-too-large");
    stream.state = state.recvEnd(stream.state);
    return stream.recvEnd(fields);
  }

  /** HEADERS on a stream that is gone. The block is decoded all the same: HPACK knows no streams. */
  private recvLate(streamId: number, block: HeaderAssembly): Violation | null {
    const fields = this.reader.readTrailers(block.block, block.start, block.end);
    if (fields instanceof Violation && fields.scope === "connection") return fields;
    const { closed } = this.table;
    if (closed.wasReset(streamId)) return null;
    return closed.wasEnded(streamId) ? v.frameOnClosedStream : v.streamIdNotIncreasing;
  }
}
