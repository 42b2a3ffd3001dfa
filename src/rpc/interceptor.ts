import { AsyncLocalStorage } from "node:async_hooks";
import type { CallContext } from "./call-context.ts";

/** What an interceptor sees of a call. */
export interface InterceptedCall extends CallContext {
  /**
   * Hears each request before the handler does. What `hook` returns takes the request's place, unless it is undefined;
   * what it throws ends the call. To be called before `next`.
   */
  onRequest(hook: MessageHook): void;
  /** Hears each reply before it is sent, likewise. */
  onReply(hook: MessageHook): void;
}

export type MessageHook = (message: unknown) => unknown;

/**
 * Stands around the handler of a call, as around those of a service or of the whole server.
 *
 * `next()` runs what lies within. It resolves when the handler is done: to its reply, for a method with one reply, and to
 * undefined when the last of many was sent. It rejects with what the handler threw and, when the call was cancelled or has
 * timed out, with that RpcError. The status is sent when the outermost interceptor is done, so trailers may be added
 * until then.
 *
 * What an interceptor throws is the answer, as if the handler had thrown it. What it returns, unless that is undefined,
 * is the reply of a method with one reply: also without calling `next`.
 */
export type Interceptor = (call: InterceptedCall, next: () => Promise<unknown>) => unknown;

/** Several interceptors as one, the first one outermost; null for none. */
export function chain(interceptors: readonly Interceptor[]): Interceptor | null {
  if (interceptors.length === 0) return null;
  return interceptors.reduceRight((inner, outer) => async (call, next) => {
    return outer(call, async () => {
      let reply: unknown;
      const returned = await inner(call, async () => {
        reply = await next();
        return reply;
      });
      return returned === undefined ? reply : returned;
    });
  });
}

const calls = new AsyncLocalStorage<CallContext>();

/** An interceptor that lets everything within ask for its call by {@link currentCall}. */
export const trackCurrentCall: Interceptor = (call, next) => calls.run(call, next);

/** The call that this code runs for; undefined outside of calls, and without {@link trackCurrentCall}. */
export function currentCall(): CallContext | undefined {
  return calls.getStore();
}
