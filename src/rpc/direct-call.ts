import type { Peer } from "../exchange.ts";
import type { CallContext } from "./call-context.ts";
import { LoadReport } from "./load-report.ts";
import { Metadata } from "./metadata.ts";

const NOBODY: Peer = { address: "", port: 0, localAddress: "", localPort: 0 };

/** The call of a handler that is called directly, by a route or a test: nobody sent it, and nobody ends it. */
export class DirectCall implements CallContext {
  readonly metadata = new Metadata();
  readonly responseMetadata = new Metadata();
  readonly trailers = new Metadata();
  readonly signal: AbortSignal = new AbortController().signal;
  readonly deadline = undefined;
  readonly timeLeftMs = Number.POSITIVE_INFINITY;
  readonly peer = NOBODY;
  readonly authority = "";
  readonly bufferedBytes = 0;
  readonly loadReport = new LoadReport();
  compress = true;

  constructor(readonly method: CallContext["method"]) {}

  wasCompressed(): boolean {
    return false;
  }

  sendHeaders(): void {}
}

/** Each function of `handlers` under its name, with a {@link DirectCall} when it is given no call. */
export function directCalls(service: string, handlers: object, names: readonly string[]): object {
  const calls: Record<string, unknown> = {};
  for (const name of names) {
    const method = { name, path: `/${service}/${name}` };
    calls[name] = (input: unknown, call: CallContext = new DirectCall(method)) =>
      (handlers as Record<string, (input: unknown, call: CallContext) => unknown>)[name](input, call);
  }
  return calls;
}
