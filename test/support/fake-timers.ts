import type { FakeClock } from "./fake-clock.ts";

/** What Node does with a longer delay: it fires after a millisecond. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** Lets `setTimeout` run on a clock that a test moves. Returns what puts the real one back. */
export function useFakeTimers(clock: FakeClock): () => void {
  const { setTimeout, clearTimeout } = globalThis;
  const start = (action: () => void, delayMs: number) => {
    const timer = clock.after(delayMs > LONGEST_TIMER_MS ? 1 : delayMs, action);
    return Object.assign(timer, { unref: () => timer });
  };
  globalThis.setTimeout = start as unknown as typeof setTimeout;
  // Something else of the process may stop a timer that it started before.
  const stop = (timer: { cancel?(): void } & NodeJS.Timeout) =>
    timer.cancel === undefined ? clearTimeout(timer) : timer.cancel();
  globalThis.clearTimeout = stop as unknown as typeof clearTimeout;
  return () => Object.assign(globalThis, { setTimeout, clearTimeout });
}
