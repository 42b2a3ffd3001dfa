import { promisify } from "node:util";
import zlib from "node:zlib";

/** The compressions of gRPC that Node has (gRPC's doc/compression.md). `deflate` is the zlib format, as in HTTP. */
export type Encoding = "gzip" | "deflate";

/** When replies are compressed, for a client that accepts it. */
export interface CompressionOptions {
  /** `match`: when the client has compressed its own request. */
  readonly replies: "match" | "always" | "never";
  /** Smaller messages are sent as they are: they would hardly shrink. */
  readonly minBytes: number;
  /** zlib's level: 1 is the fastest, 9 the smallest. */
  readonly level: number;
}

export const defaultCompression: CompressionOptions = { replies: "match", minBytes: 1024, level: 6 };

/** More than this many bytes are left to another thread, so that they delay nobody. */
const MOST_BYTES_COMPRESSED_AT_ONCE = 32 * 1024;
/** The same for bytes that may become a thousand times as many. */
const MOST_BYTES_INFLATED_AT_ONCE = 512;

interface Algorithm {
  compressSync(bytes: Uint8Array, options: zlib.ZlibOptions): Buffer;
  compress(bytes: Uint8Array, options: zlib.ZlibOptions): Promise<Buffer>;
  inflateSync(bytes: Uint8Array, options: zlib.ZlibOptions): Buffer;
  inflate(bytes: Uint8Array, options: zlib.ZlibOptions): Promise<Buffer>;
}

const algorithms: Record<Encoding, Algorithm> = {
  gzip: {
    compressSync: zlib.gzipSync,
    compress: promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.gzip),
    inflateSync: zlib.gunzipSync,
    inflate: promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.gunzip),
  },
  deflate: {
    compressSync: zlib.deflateSync,
    compress: promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.deflate),
    inflateSync: zlib.inflateSync,
    inflate: promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.inflate),
  },
};

/** In the order of our preference. */
export const ENCODINGS = Object.keys(algorithms) as readonly Encoding[];

export function isEncoding(name: string): name is Encoding {
  return Object.hasOwn(algorithms, name);
}

/** A message inflates to more than its limit. Not a byte more than that was made. */
export class InflatesTooLargeError extends Error {}

/** Runs so many tasks at a time; the others wait their turn. */
export class TaskGate {
  private readonly waiting: (() => void)[] = [];
  /** Tasks that run now. */
  running = 0;

  constructor(private readonly most: number) {}

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running >= this.most) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running++;
    try {
      return await task();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }
}

/** zlib's threads are those of the file system and of name lookups: half of them are left alone. */
const gate = new TaskGate(2);

/**
 * Compresses a message, at once or, when it is large, on another thread. The promise keeps `bytes` until it settles.
 */
export function compress(
  encoding: Encoding,
  bytes: Uint8Array,
  { level }: CompressionOptions,
): Buffer | Promise<Buffer> {
  const algorithm = algorithms[encoding];
  if (bytes.length <= MOST_BYTES_COMPRESSED_AT_ONCE) return algorithm.compressSync(bytes, { level });
  return gate.run(() => algorithm.compress(bytes, { level }));
}

/**
 * Inflates a message of which the memory is only lent: at once when it is tiny, otherwise on another thread.
 *
 * @param maxBytes what comes out may have; it stops there (a message of 4 KB could become 4 MB)
 * @throws InflatesTooLargeError, or zlib's error when the bytes are no such message; the promise rejects with the same
 */
export function inflate(encoding: Encoding, bytes: Uint8Array, maxBytes: number): Buffer | Promise<Buffer> {
  const algorithm = algorithms[encoding];
  // zlib takes no limit of 0.
  const options = { maxOutputLength: Math.max(1, maxBytes) };
  const judge = (inflated: Buffer): Buffer => {
    if (inflated.length > maxBytes) throw new InflatesTooLargeError();
    return inflated;
  };
  const explain = (error: unknown): never => {
    throw (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE" ? new InflatesTooLargeError() : error;
  };
  if (bytes.length <= MOST_BYTES_INFLATED_AT_ONCE) {
    try {
      return judge(algorithm.inflateSync(bytes, options));
    } catch (error) {
      return explain(error);
    }
  }
  const copy = Buffer.from(bytes);
  return gate.run(() => algorithm.inflate(copy, options)).then(judge, explain);
}
