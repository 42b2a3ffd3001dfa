import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { AbortReason, Peer } from "../exchange.ts";
import type { Http1Exchange, Http1ExchangeOwner } from "./exchange.ts";
import type { Refusal } from "./refusal.ts";

/** What the connections of a server share. */
export interface Http1ConnectionOwner {
  readonly draining: boolean;
  readonly responseStallMs: number;
  countKept(bytes: number): void;
  connectionClosed(connection: Http1Connection): void;
}

/** One socket that speaks HTTP/1.1, and the exchanges open on it (more than one when the client pipelines). */
export class Http1Connection implements Http1ExchangeOwner {
  private readonly open = new Set<Http1Exchange>();
  /** Told to the exchanges that are open when the socket closes. */
  private lossReason: AbortReason = "connection-lost";
  /** The last answer of this connection is on its way: what the client sent behind that request is not served. */
  refused = false;

  constructor(
    readonly socket: Duplex,
    readonly peer: Peer,
    private readonly owner: Http1ConnectionOwner,
  ) {
    socket.once("close", () => this.recvClose());
    // Node takes its own listener away after CONNECT, and an error nobody listens to ends the process.
    socket.on("error", () => {});
  }

  get draining(): boolean {
    return this.owner.draining;
  }

  get responseStallMs(): number {
    return this.owner.responseStallMs;
  }

  get openExchanges(): number {
    return this.open.size;
  }

  add(exchange: Http1Exchange): void {
    this.open.add(exchange);
  }

  countKept(bytes: number): void {
    this.owner.countKept(bytes);
  }

  exchangeDone(exchange: Http1Exchange): void {
    this.open.delete(exchange);
    // Its answer may have gone out before the drain began, and then it did not say `connection: close`.
    if (this.open.size === 0 && this.draining) this.closeSoon();
  }

  destroyConnection(): void {
    this.lossReason = "refused";
    this.socket.destroy();
  }

  /** Ends the connection once everything written has gone out. */
  closeSoon(): void {
    this.socket.end(() => this.socket.destroy());
  }

  /** Answers one request without a handler, after which the connection is closed. */
  refuseRequest(refusal: Refusal, response: ServerResponse): void {
    this.refused = true;
    response.writeHead(refusal.status, refusal.fields);
    response.end(refusal.body);
  }

  /** What comes on this connection is no HTTP/1.1, or comes too late: says so where that is possible, and closes. */
  refuseBytes(refusal: Refusal, reason: AbortReason): void {
    const answerBegun = this.hasBegunAnswer();
    this.loseExchanges(reason);
    if (this.refused) this.closeSoon();
    else if (answerBegun || !this.socket.writable) this.socket.destroy();
    else this.socket.end(refusal.toBytes(), () => this.socket.destroy());
    this.refused = true;
  }

  private hasBegunAnswer(): boolean {
    for (const exchange of this.open) if (exchange.hasResponded) return true;
    return false;
  }

  private loseExchanges(reason: AbortReason): void {
    for (const exchange of this.open) exchange.connectionLost(reason);
    this.open.clear();
  }

  private recvClose(): void {
    this.loseExchanges(this.lossReason);
    this.owner.connectionClosed(this);
  }
}
