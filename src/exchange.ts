/**
 * The seam between HTTP and RPC: one HTTP request and its answer, whatever carried it.
 *
 * Below it stand HTTP/2 and HTTP/1.1, above it the protocols (gRPC, plain HTTP routes). Nothing here is a Node
 * stream or a promise: a unary call must not pay for either. HTTP/2's stream object implements {@link Exchange}
 * itself, so there is no wrapper.
 */

/** Header fields in the order of the wire: name, value, name, value, … Names are lower case. */
export type FieldList = readonly string[];

/** What is known of the peer of a connection. One object for each connection, shared by its exchanges. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** What it came in by: an object for each address that is listened on. */
  readonly endpoint?: object;
  /** Absent on a plaintext connection. */
  readonly tls?: TlsFacts;
}

/** What the TLS handshake settled. */
export interface TlsFacts {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly version: string;
  readonly cipher: string;
  /** The name the client asked for (SNI), if it sent one. */
  readonly serverName: string | undefined;
  /** True when the client showed a certificate that the configured authority signed. */
  readonly authorized: boolean;
  /** The client's certificate in DER, if it showed one. */
  readonly peerCertificate: Uint8Array | undefined;
}

/**
 * The request line and the header fields. HTTP/2 hands out the same object for every request whose header block
 * is the same bytes, so whatever is derived from a head can be kept in {@link RequestHead.memo}.
 */
export class RequestHead {
  /** What the layer above has derived from this head (a route, a parsed timeout); nothing below reads it. */
  memo: unknown = undefined;

  constructor(
    readonly method: string,
    readonly scheme: string,
    /** `:authority`, else `host`, else empty. */
    readonly authority: string,
    readonly path: string,
    /** Regular fields only, without pseudo-header fields. */
    readonly fields: FieldList,
  ) {}

  /** The first value of a field, or undefined. */
  get(name: string): string | undefined {
    const { fields } = this;
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
    return undefined;
  }

  /** Every value of a field, in order. */
  getAll(name: string): string[] {
    const { fields } = this;
    const values: string[] = [];
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) values.push(fields[i + 1]);
    return values;
  }
}

/**
 * A header or trailer section to send. A `fixed` one is made once and sent often: HTTP/2 encodes it once for each
 * connection and then copies bytes.
 */
export class FieldSection {
  constructor(
    /** 200 … 599 for a response, 0 for trailers. */
    readonly status: number,
    readonly fields: FieldList,
    readonly fixed = false,
  ) {}
}

/** Why an exchange ended before its time. */
export type AbortReason =
  /** The peer reset the stream. */
  | "reset-by-peer"
  /** The connection went away, or was closed over an error. */
  | "connection-lost"
  /** The peer broke the protocol on this stream, and the stream was reset. */
  | "protocol-error"
  /** We ran into a limit or a time-out and reset the stream. */
  | "refused";

/** How an exchange is given up; HTTP/2 maps these to error codes (RFC 9113 section 7). */
export type AbortCode = "cancel" | "internal" | "refused" | "no-error" | "protocol" | "calm";

/** Receives the body of a request. The callbacks never overlap, and none follows `onAbort`. */
export interface ExchangeReceiver {
  /** A piece of the body. The memory may be used again after the return: copy what you keep. */
  onData(bytes: Uint8Array): void;
  /** The end of the body, with the trailer fields, if there were any. */
  onEnd(trailers: FieldList): void;
  /** The exchange is over; nothing can be read or written any more. Not called after a complete exchange. */
  onAbort(reason: AbortReason): void;
  /** After `write` returned false: the peer has caught up. */
  onDrain(): void;
}

/** One request and its answer. */
export interface Exchange {
  readonly head: RequestHead;
  readonly peer: Peer;
  /** `2` or `1.1`. */
  readonly httpVersion: "2" | "1.1";
  /** Set by whoever takes the exchange, before its handler returns. */
  receiver: ExchangeReceiver | null;
  /** True once the whole request has arrived, though `onEnd` may be yet to come. */
  readonly requestEnded: boolean;
  /** True once the exchange was given up, by either side. */
  readonly aborted: boolean;

  /** Stops `onData` and `onEnd`; the peer is held back as soon as its window is used up. */
  pause(): void;
  resume(): void;
  /**
   * A handler works on this exchange: it counts against the limit of its connection until {@link endWork}, even
   * when the peer has reset it meanwhile (CVE-2023-44487). Not needed for an answer that is given at once.
   */
  beginWork(): void;
  endWork(): void;
  /** Tells the memory budget that `bytes` received are kept by the receiver (negative: are let go). */
  hold(bytes: number): void;

  /** Sends the response's header section; at most once. */
  respond(head: FieldSection): void;
  /**
   * Sends a piece of the body: `bytes`, and `more` directly behind it. The memory belongs to the exchange from
   * now on. Returns false when the peer must catch up: the bytes are kept, and `onDrain` follows.
   */
  write(bytes: Uint8Array, more?: Uint8Array): boolean;
  /** Ends the response. */
  end(trailers?: FieldSection): void;
  /** Sends the header section and ends the response with it: a response without body. */
  respondAndEnd(head: FieldSection): void;
  /** Gives the exchange up. `onAbort` is not called for it. */
  abort(code: AbortCode): void;
  /** Bytes written but not yet handed to the socket. */
  readonly bufferedBytes: number;

  /**
   * Promises the client a GET of `path` and answers it as if the client had sent it (RFC 9113 section 8.4).
   * Returns false when the client does not allow it, or the protocol has no such thing.
   */
  push(path: string): boolean;
}

/** Takes the exchanges of a connection. Must not throw. */
export type ExchangeHandler = (exchange: Exchange) => void;
