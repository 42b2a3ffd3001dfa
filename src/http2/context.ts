import type { ExchangeHandler, Peer } from "../exchange.ts";
import type { Clock } from "./clock.ts";
import type { Rejections } from "./header-blocks.ts";
import type { Http2Limits } from "./limits.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { ByteSink, SharedScratch } from "./output.ts";
import type { Violation } from "./violations.ts";

/** What carries a connection: a socket, a test's script, a fuzzer. */
export interface ConnectionHost extends ByteSink {
  /** Runs `action` when the current work of the event loop is done, before it waits for I/O again. */
  soon(action: () => void): void;
  /** Runs `action` in a later turn of the event loop, after other connections had theirs. */
  nextTurn(action: () => void): void;
  /** Stops or resumes calls of `receive`. */
  setReading(on: boolean): void;
  /** Closes our side once everything is sent. */
  end(): void;
  /** Drops the connection at once. */
  destroy(): void;
}

/** Hears what happens on a connection; nothing depends on it. */
export interface ConnectionObserver {
  violation(violation: Violation, streamId: number, peer: Peer): void;
  /** A connection begins, and is gone. */
  opened?(peer: Peer): void;
  closed?(peer: Peer): void;
  /** A handler or a receiver threw, which it must not: its stream was reset with INTERNAL_ERROR. */
  fault?(error: unknown, peer: Peer): void;
}

/** What all connections of a server share. */
export interface Http2Context {
  readonly limits: Http2Limits;
  /** Whether resources may be pushed to clients that allow it. */
  readonly push: boolean;
  readonly clock: Clock;
  readonly budget: MemoryBudget;
  readonly scratch: SharedScratch;
  readonly rejections: Rejections;
  readonly observer: ConnectionObserver;
  readonly onExchange: ExchangeHandler;
}
