import type { Duplex } from "node:stream";
import { CLIENT_PREFACE } from "../http2/frame.ts";

/** What the first bytes of a connection say it speaks. */
export type FirstProtocol = "tls" | "http2" | "http1";

/** The first byte of a TLS record that carries a handshake (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;
/** "PRI " is no HTTP/1.1 method that anybody uses, and was reserved for this (RFC 9113 section 11.6). */
const ENOUGH_OF_PREFACE = 4;

const HTTP1_LINE = / HTTP\/1\.\d\r?$/;

/** Tells the protocol of the bytes seen so far; null when they are too few. */
export function tellProtocol(bytes: Buffer): FirstProtocol | null {
  if (bytes.length === 0) return null;
  if (bytes[0] === TLS_HANDSHAKE) return "tls";
  const count = Math.min(bytes.length, ENOUGH_OF_PREFACE);
  if (bytes.compare(CLIENT_PREFACE, 0, count, 0, count) === 0) {
    return count === ENOUGH_OF_PREFACE ? "http2" : null;
  }
  // A first line that names no version of HTTP/1 is no request: the HTTP/2 engine ends it as a bad preface.
  const lineEnd = bytes.indexOf(0x0a);
  return lineEnd < 0 || HTTP1_LINE.test(bytes.toString("latin1", 0, lineEnd)) ? "http1" : "http2";
}

/**
 * Waits for the first bytes of a socket and tells what it speaks. The socket is paused then, and nothing listens on
 * it. A socket that stays silent for `timeoutMs` is destroyed.
 */
export function sniffProtocol(
  socket: Duplex,
  timeoutMs: number,
  found: (protocol: FirstProtocol, firstBytes: Buffer) => void,
): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  timer.unref();
  const stop = () => {
    clearTimeout(timer);
    socket.off("data", onData);
    socket.off("close", stop);
  };
  const onData = (bytes: Buffer) => {
    seen = seen.length === 0 ? bytes : Buffer.concat([seen, bytes]);
    const protocol = tellProtocol(seen);
    if (protocol === null) return;
    stop();
    socket.pause();
    found(protocol, seen);
  };
  socket.on("data", onData);
  socket.on("close", stop);
}
