import type { FieldList } from "../exchange.ts";

/** Lower case letters, digits, `_`, `-`, `.` (gRPC over HTTP/2, "Custom-Metadata"). */
const KEY = /^[0-9a-z_.-]+$/;
/** Visible ASCII and space. */
const ASCII_VALUE = /^[\x20-\x7e]*$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** A value: text, or bytes under a key that ends in `-bin`. */
export type MetadataValue = string | Uint8Array;

/**
 * What is sent along with a call before and after its messages: keys with one or more values. Keys are case
 * insensitive; values under a key that ends in `-bin` are bytes, all others are printable ASCII.
 */
export class Metadata implements Iterable<[key: string, value: MetadataValue]> {
  private readonly entries = new Map<string, MetadataValue[]>();

  /** @throws TypeError when a key or value cannot be sent */
  constructor(init: Iterable<readonly [string, MetadataValue]> = []) {
    for (const [key, value] of init) this.append(key, value);
  }

  /** True for keys that belong to the protocol, which metadata cannot have. */
  static isReserved(key: string): boolean {
    return isReserved(key.toLowerCase());
  }

  /** The first value of a key. */
  get(key: string): MetadataValue | undefined {
    return this.entries.get(key.toLowerCase())?.[0];
  }

  getAll(key: string): readonly MetadataValue[] {
    return this.entries.get(key.toLowerCase()) ?? [];
  }

  has(key: string): boolean {
    return this.entries.has(key.toLowerCase());
  }

  /** Replaces the values of a key. @throws TypeError */
  set(key: string, value: MetadataValue): void {
    const name = checkEntry(key, value);
    this.entries.set(name, [value]);
  }

  /** Adds a value to those of a key. @throws TypeError */
  append(key: string, value: MetadataValue): void {
    const name = checkEntry(key, value);
    const values = this.entries.get(name);
    if (values === undefined) this.entries.set(name, [value]);
    else values.push(value);
  }

  delete(key: string): void {
    this.entries.delete(key.toLowerCase());
  }

  get isEmpty(): boolean {
    return this.entries.size === 0;
  }

  /** Every value with its key, in the order of the keys. */
  *[Symbol.iterator](): IterableIterator<[string, MetadataValue]> {
    for (const [key, values] of this.entries) for (const value of values) yield [key, value];
  }
}

function checkEntry(key: string, value: MetadataValue): string {
  const name = key.toLowerCase();
  if (!KEY.test(name))
    throw new TypeError(`Metadata key "${key}" may have letters, digits, "_", "-" and "." only`);
  if (isReserved(name)) throw new TypeError(`Metadata key "${key}" is reserved for the protocol`);
  const isBinary = name.endsWith("-bin");
  if (isBinary ? !(value instanceof Uint8Array) : typeof value !== "string") {
    throw new TypeError(`Metadata key "${key}" takes ${isBinary ? "bytes (Uint8Array)" : "a string"}`);
  }
  if (!isBinary && !ASCII_VALUE.test(value as string)) {
    throw new TypeError(
      `The value of metadata key "${key}" may have printable ASCII only; use a "-bin" key for bytes`,
    );
  }
  return name;
}

/** Fields that belong to HTTP or to gRPC itself, and are no metadata of the application. */
const RESERVED = new Set([
  "grpc-status",
  "grpc-message",
  "grpc-status-details-bin",
  "grpc-encoding",
  "grpc-accept-encoding",
  "grpc-timeout",
  "grpc-message-type",
  "te",
  "content-type",
  "content-length",
  "accept-encoding",
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Others that begin with `grpc-` have a meaning for clients or tracing (`grpc-retry-pushback-ms`, `grpc-trace-bin`). */
export function isReserved(name: string): boolean {
  return RESERVED.has(name);
}

/** The metadata among a request's header fields. Values that are no base64 under a `-bin` key are left out. */
export function metadataFromFields(fields: FieldList): Metadata {
  const metadata = new Metadata();
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    if (isReserved(name) || !KEY.test(name)) continue;
    if (!name.endsWith("-bin")) {
      if (ASCII_VALUE.test(fields[i + 1])) metadata.append(name, fields[i + 1]);
      continue;
    }
    // "Implementations MUST split Binary-Headers on "," before decoding the Base64-encoded values."
    for (const part of fields[i + 1].split(",")) {
      const value = part.trim();
      if (BASE64.test(value)) metadata.append(name, Buffer.from(value, "base64"));
    }
  }
  return metadata;
}

/** The name of the first `-bin` field whose value is no base64, or null. */
export function findBadBinary(fields: FieldList): string | null {
  for (let i = 0; i < fields.length; i += 2) {
    if (!fields[i].endsWith("-bin")) continue;
    for (const part of fields[i + 1].split(",")) if (!isBase64(part.trim())) return fields[i];
  }
  return null;
}

/** Padded or not (gRPC over HTTP/2: "MUST accept padded and un-padded values"). */
function isBase64(value: string): boolean {
  return BASE64.test(value) && value.replace(/=+$/, "").length % 4 !== 1;
}

/** Appends metadata to a list of header fields, bytes as unpadded base64. */
export function metadataToFields(metadata: Metadata, fields: string[]): void {
  for (const [key, value] of metadata) {
    fields.push(key, typeof value === "string" ? value : encodeBinary(value));
  }
}

/** Bytes as the value of a `-bin` field. */
export function encodeBinary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64").replace(/=+$/, "");
}
