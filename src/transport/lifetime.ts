import { type Clock, noTimer, type Timer } from "../http2/clock.ts";
import type { Http2Connection } from "../http2/connection.ts";

/** How long a connection may live, and how it is found to be dead. Times in milliseconds; Infinity: never. */
export interface LifetimeOptions {
  /** Drained when so old (± 10 %, so that a fleet's connections do not all end at once). */
  readonly maxAgeMs: number;
  /** After that drain, what is left is cut. */
  readonly maxAgeGraceMs: number;
  /** Drained after so long without a stream. */
  readonly maxIdleMs: number;
  /** A PING after so long without a byte from the peer … */
  readonly keepaliveTimeMs: number;
  /** … and the connection is dropped when the answer takes longer than this. */
  readonly keepaliveTimeoutMs: number;
}

/** gRPC's defaults: no end of age or idleness, a PING after two silent hours (proposal A8, A9). */
export const defaultLifetime: LifetimeOptions = {
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxAgeGraceMs: Number.POSITIVE_INFINITY,
  maxIdleMs: Number.POSITIVE_INFINITY,
  keepaliveTimeMs: 2 * 60 * 60_000,
  keepaliveTimeoutMs: 20_000,
};

const AGE_JITTER = 0.1;
/** Node's timers hold 31 bits of milliseconds; a longer delay would fire at once. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** Watches one connection: its age, its idleness, its liveness (gRPC proposals A8, A9). */
export class Lifetime {
  private ageTimer: Timer = noTimer;
  private idleTimer: Timer = noTimer;
  private keepaliveTimer: Timer = noTimer;
  private hasHeard = false;

  constructor(
    private readonly clock: Clock,
    private readonly options: LifetimeOptions,
    private readonly connection: Http2Connection,
    private readonly destroy: () => void,
    random: () => number = Math.random,
  ) {
    const age = options.maxAgeMs * (1 - AGE_JITTER + 2 * AGE_JITTER * random());
    this.ageTimer = this.after(age, () => this.recvOldAge());
    this.watchIdle();
    this.watchLiveness();
  }

  /** Bytes arrived: the peer is alive. */
  heard(): void {
    this.hasHeard = true;
  }

  /** The last stream is gone. */
  watchIdle(): void {
    this.idleTimer.cancel();
    this.idleTimer = this.after(this.options.maxIdleMs, () => {
      if (this.connection.streamCount === 0) this.connection.drain("max_idle");
      else this.watchIdle();
    });
  }

  stop(): void {
    this.ageTimer.cancel();
    this.idleTimer.cancel();
    this.keepaliveTimer.cancel();
  }

  private recvOldAge(): void {
    this.connection.drain("max_age");
    this.ageTimer = this.after(this.options.maxAgeGraceMs, this.destroy);
  }

  private watchLiveness(): void {
    this.hasHeard = false;
    this.keepaliveTimer = this.after(this.options.keepaliveTimeMs, () => {
      if (this.hasHeard) this.watchLiveness();
      else this.probe();
    });
  }

  private probe(): void {
    this.keepaliveTimer = this.after(this.options.keepaliveTimeoutMs, () => {
      // Any byte counts: the answer may be behind a large message.
      if (this.hasHeard) this.watchLiveness();
      else this.destroy();
    });
    this.connection.ping(() => {
      this.keepaliveTimer.cancel();
      this.watchLiveness();
    });
  }

  private after(delayMs: number, action: () => void): Timer {
    return delayMs > LONGEST_TIMER_MS ? noTimer : this.clock.after(delayMs, action);
  }
}
