import type { Codec } from "../schema/types.ts";
import type { CallContext } from "./call-context.ts";
import { handlerDriver } from "./handler-driver.ts";
import { chain, type Interceptor } from "./interceptor.ts";
import type { Method } from "./method.ts";

/**
 * Answers calls of methods that are not known: messages are bytes, and each side may send any number of them.
 * `call.method` has the name and path that the client asked for.
 */
export type UnknownHandler = (
  requests: AsyncIterable<Uint8Array>,
  call: CallContext,
) =>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>;

const bytesCodec: Codec = {
  typeName: "bytes",
  encode(value) {
    if (value instanceof Uint8Array) return value;
    throw new TypeError("A reply of a handler for unknown methods must be bytes (Uint8Array)");
  },
  // What arrives is only lent.
  decode: (bytes) => Buffer.from(bytes),
};

/** `/package.Service/Method` */
const METHOD_PATH = /^\/[^/]+\/([^/]+)$/;

/** A method for a path that nobody serves; undefined when the path is none of a method. */
export function unknownMethod(
  path: string,
  handler: UnknownHandler,
  interceptors: readonly Interceptor[] = [],
): Method | undefined {
  const name = METHOD_PATH.exec(path)?.[1];
  if (name === undefined) return undefined;
  const schema = { name, path, kind: "bidi", request: bytesCodec, response: bytesCodec } as const;
  const run = (requests: unknown, call: CallContext) => handler(requests as AsyncIterable<Uint8Array>, call);
  return { schema, driver: handlerDriver("bidi", run, chain(interceptors)) };
}
