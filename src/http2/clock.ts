/** Time as the engine is given it: monotonic, so that a jump of the wall clock fires or delays nothing. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls `action` once, `delayMs` from now. */
  after(delayMs: number, action: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** The timer of something that is not being waited for. */
export const noTimer: Timer = { cancel() {} };
