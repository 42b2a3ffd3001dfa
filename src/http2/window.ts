import { MAX_WINDOW } from "./frame.ts";

/**
 * What we may still send (RFC 9113 section 6.9). It may be negative: a peer that lowers
 * SETTINGS_INITIAL_WINDOW_SIZE takes back what it gave (section 6.9.2).
 */
export class SendWindow {
  constructor(public available: number) {}

  /** Returns false when the window would pass 2^31-1, which ends the stream or the connection. */
  increase(by: number): boolean {
    if (this.available + by > MAX_WINDOW) return false;
    this.available += by;
    return true;
  }
}

/**
 * What the peer may still send. Bytes are taken when they arrive and given back when they are consumed, but not
 * before half of the window is used: one WINDOW_UPDATE then serves many frames.
 */
export class ReceiveWindow {
  private available: number;
  private consumed = 0;

  constructor(private size: number) {
    this.available = size;
  }

  /** Returns false when the peer has sent more than it was allowed. */
  take(bytes: number): boolean {
    this.available -= bytes;
    return this.available >= 0;
  }

  /**
   * Gives bytes back. Returns the increment to announce now, 0 for none. `target` is the size wanted: the window
   * grows to it with the next increment, and never shrinks.
   */
  consume(bytes: number, target: number): number {
    this.consumed += bytes;
    if (this.consumed * 2 < this.size) return 0;
    const grown = Math.max(this.size, target);
    const increment = this.consumed + grown - this.size;
    this.size = grown;
    this.consumed = 0;
    this.available += increment;
    return increment;
  }
}
