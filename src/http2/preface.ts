import { CLIENT_PREFACE } from "./frame.ts";

/** The 24 bytes with which every client begins (RFC 9113 section 3.4). */
export class ClientPreface {
  private seen = 0;

  /** The bytes behind it; null while it is not whole. False when these are other bytes. */
  recv(bytes: Buffer): Buffer | null | false {
    const count = Math.min(CLIENT_PREFACE.length - this.seen, bytes.length);
    if (bytes.compare(CLIENT_PREFACE, this.seen, this.seen + count, 0, count) !== 0) return false;
    this.seen += count;
    return this.seen < CLIENT_PREFACE.length ? null : bytes.subarray(count);
  }
}
