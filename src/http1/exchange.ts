import type { IncomingMessage, ServerResponse } from "node:http";
import type {
  AbortCode,
  AbortReason,
  Exchange,
  ExchangeReceiver,
  FieldSection,
  Peer,
  RequestHead,
} from "../exchange.ts";
import { hasNoBody, readTrailers } from "./request-head.ts";

/** What an exchange needs of the connection that carries it. */
export interface Http1ExchangeOwner {
  readonly peer: Peer;
  /** True once the server drains: the answer then says `connection: close`. */
  readonly draining: boolean;
  /** How long the peer may leave waiting bytes untouched, in milliseconds. */
  readonly responseStallMs: number;
  /** Counts received bytes that are kept (negative: let go) against the memory budget. */
  countKept(bytes: number): void;
  /** The answer has been sent whole. */
  exchangeDone(exchange: Http1Exchange): void;
  /** HTTP/1.1 can give up an exchange only together with its connection. */
  destroyConnection(): void;
}

/** An HTTP/1.1 request and its answer: Node's parser below, the seam above. */
export class Http1Exchange implements Exchange {
  readonly httpVersion = "1.1";
  readonly peer: Peer;
  receiver: ExchangeReceiver | null = null;
  aborted = false;
  private readonly noBody: boolean;
  private paused = false;
  /** The request's end came while we were paused. */
  private endWaits = false;
  private responded = false;
  private bodyStarted = false;
  private ended = false;
  /** Nothing is read or written any more: complete, or given up. */
  private closed = false;
  private needsDrain = false;
  private keptBytes = 0;
  private stallTimer: NodeJS.Timeout | null = null;

  constructor(
    readonly head: RequestHead,
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly owner: Http1ExchangeOwner,
  ) {
    this.peer = owner.peer;
    this.noBody = hasNoBody(request);
    response.on("finish", () => this.finish());
    response.on("drain", () => this.recvDrain());
    // The connection's end tells us all we need; an error without a listener would be thrown.
    response.on("error", ignore);
    request.on("error", ignore);
  }

  get requestEnded(): boolean {
    return this.noBody || this.request.complete;
  }

  get hasResponded(): boolean {
    return this.responded;
  }

  /** Starts to hand out the body; called once, when the handler has set its receiver. */
  start(): void {
    this.request.on("end", () => this.recvEnd());
    this.request.on("data", (bytes: Buffer) => {
      if (!this.closed) this.receiver?.onData(bytes);
    });
  }

  private recvEnd(): void {
    // Node's stream may have decided to end just before it was paused.
    if (this.paused) this.endWaits = true;
    else this.deliverEnd();
  }

  private deliverEnd(): void {
    if (this.closed || this.paused) return;
    this.endWaits = false;
    this.receiver?.onEnd(readTrailers(this.request));
  }

  pause(): void {
    this.paused = true;
    this.request.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    // Not at once: `resume` may be called from within a callback, and callbacks never overlap.
    if (this.endWaits) queueMicrotask(() => this.deliverEnd());
    else this.request.resume();
  }

  /** Nothing to count: a request cannot be reset without its connection, so no peer can start work for free. */
  beginWork(): void {}
  endWork(): void {}

  hold(bytes: number): void {
    if (this.closed) return;
    this.keptBytes += bytes;
    this.owner.countKept(bytes);
  }

  /** Throws when a field holds what HTTP/1.1 cannot carry, such as a line break. */
  respond(section: FieldSection): void {
    if (!this.canRespond()) return;
    this.writeHead(section.status, section.fields);
    // Node keeps the head back until there is a body; who streams wants it out now, but in one piece with
    // what is written in this turn.
    process.nextTick(flushHead, this);
  }

  /** Throws as {@link respond} does. */
  respondAndEnd(section: FieldSection): void {
    if (!this.canRespond()) return;
    const { status, fields } = section;
    this.writeHead(
      status,
      needsLength(this.head.method, section) ? [...fields, "content-length", "0"] : fields,
    );
    this.end();
  }

  private writeHead(status: number, fields: readonly string[]): void {
    if (this.owner.draining) this.response.shouldKeepAlive = false;
    // Node takes the flat list as it is, and does not change it.
    this.response.writeHead(status, fields as string[]);
    this.responded = true;
  }

  /** Called in the next turn after {@link respond}. */
  flushHead(): void {
    if (!this.bodyStarted && this.canSend()) this.response.flushHeaders();
  }

  write(bytes: Uint8Array, more?: Uint8Array): boolean {
    if (!this.canSend()) return true;
    this.bodyStarted = true;
    let taken = this.response.write(bytes);
    if (more !== undefined) taken = this.response.write(more);
    if (!taken) {
      this.needsDrain = true;
      this.watchForStall();
    }
    return taken;
  }

  /**
   * Trailers are sent only in the chunked coding, and to a client that says `te: trailers` (RFC 9110 section
   * 6.5.1); else they are dropped.
   */
  end(trailers?: FieldSection): void {
    if (!this.canSend()) return;
    if (trailers !== undefined && this.response.chunkedEncoding && acceptsTrailers(this.head)) {
      this.response.addTrailers(toPairs(trailers.fields));
    }
    this.ended = true;
    this.response.end();
    if (!this.closed && this.bufferedBytes > 0) this.watchForStall();
  }

  abort(_code: AbortCode): void {
    if (this.closed) return;
    this.aborted = true;
    this.close();
    this.owner.destroyConnection();
  }

  get bufferedBytes(): number {
    return this.closed ? 0 : this.response.writableLength;
  }

  /** HTTP/1.1 has no push. */
  push(_path: string): boolean {
    return false;
  }

  /** The connection is gone. Tells the receiver, unless the exchange was complete or given up by us. */
  connectionLost(reason: AbortReason): void {
    if (this.closed) return;
    this.aborted = true;
    this.close();
    this.receiver?.onAbort(reason);
  }

  private finish(): void {
    if (this.closed) return;
    this.close();
    this.owner.exchangeDone(this);
  }

  private close(): void {
    this.closed = true;
    if (this.stallTimer !== null) clearTimeout(this.stallTimer);
    this.stallTimer = null;
    if (this.keptBytes !== 0) this.owner.countKept(-this.keptBytes);
    this.keptBytes = 0;
  }

  private canRespond(): boolean {
    return !this.closed && !this.responded;
  }

  private canSend(): boolean {
    return !this.closed && this.responded && !this.ended;
  }

  private recvDrain(): void {
    if (this.stallTimer !== null) clearTimeout(this.stallTimer);
    this.stallTimer = null;
    if (!this.needsDrain || !this.canSend()) return;
    this.needsDrain = false;
    this.receiver?.onDrain();
  }

  /** Slow read (CVE-2016-1546): a peer that takes nothing does not keep our bytes for ever. */
  private watchForStall(): void {
    if (this.stallTimer !== null) return;
    const before = this.bufferedBytes;
    this.stallTimer = setTimeout(() => {
      this.stallTimer = null;
      if (this.bufferedBytes < before) this.watchForStall();
      else this.owner.destroyConnection();
    }, this.owner.responseStallMs);
    this.stallTimer.unref();
  }
}

function ignore(): void {}

function flushHead(exchange: Http1Exchange): void {
  exchange.flushHead();
}

/** An answer without body says so, where the method and the status do not (RFC 9110 section 8.6). */
function needsLength(method: string, { status, fields }: FieldSection): boolean {
  if (method === "HEAD" || status === 204 || status === 304) return false;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === "content-length" || fields[i] === "transfer-encoding") return false;
  }
  return true;
}

function acceptsTrailers(head: RequestHead): boolean {
  return head.getAll("te").some((value) => /(^|,)\s*trailers\s*(,|;|$)/i.test(value));
}

function toPairs(fields: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) pairs.push([fields[i], fields[i + 1]]);
  return pairs;
}
