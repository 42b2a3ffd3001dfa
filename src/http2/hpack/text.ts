import { STATIC_NAMES, STATIC_VALUES } from "./static-table.ts";

/**
 * Texts that clients send over and over. Decoding one of them gives the same string object each time: nothing is
 * allocated, and later comparisons with a literal are comparisons of pointers. A fixed list, never one that peers can
 * add to.
 */
const KNOWN_TEXTS = [
  "te",
  "trailers",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "grpc-previous-rpc-attempts",
  "grpc-trace-bin",
  "grpc-tags-bin",
  "traceparent",
  "tracestate",
  "x-request-id",
  "x-forwarded-for",
  "application/grpc",
  "application/grpc+proto",
  "application/grpc-web",
  "application/grpc-web+proto",
  "application/grpc-web-text",
  "application/proto",
  "application/json",
  "identity",
  "gzip",
  "identity,deflate,gzip",
  "gzip, deflate, br",
  "*/*",
];

const MAX_KNOWN_LENGTH = 32;
const SLOTS = 1024;
/** By hash. Should two texts share a slot, the first stays: the second loses its short cut and nothing else. */
const known: string[] = new Array<string>(SLOTS).fill("");

for (const text of [...STATIC_NAMES, ...STATIC_VALUES, ...KNOWN_TEXTS]) {
  const bytes = Buffer.from(text, "latin1");
  if (text.length === 0 || text.length > MAX_KNOWN_LENGTH) continue;
  const slot = hash(bytes, 0, bytes.length);
  if (known[slot] === "") known[slot] = text;
}

/** A hash of the length and three octets. The factors are such that no two known texts share a slot. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const middle = bytes[start + (length >>> 1)];
  return (length + bytes[start] + middle * 7 + bytes[end - 1] * 149) & (SLOTS - 1);
}

function holds(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Above this a call into the runtime is cheaper than building the string here (measured: 60 to 90 ns a call). */
const MAX_BUILT_LENGTH = 16;

/** Makes a string of octets, one character for each (latin1). Keeps no reference to `bytes`. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length === 0) return "";
  if (length <= MAX_KNOWN_LENGTH) {
    const text = known[hash(bytes, start, end)];
    if (holds(bytes, start, end, text)) return text;
  }
  return length <= MAX_BUILT_LENGTH ? buildText(bytes, start, end) : asBuffer(bytes).latin1Slice(start, end);
}

function buildText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let i = start;
  for (; i + 4 <= end; i += 4) {
    text += String.fromCharCode(bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]);
  }
  for (; i < end; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

/** `latin1Slice` is what `toString("latin1")` ends in, without its way there; the published types leave it out. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
}

function asBuffer(bytes: Uint8Array): Latin1Buffer {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer as unknown as Latin1Buffer;
}
