/** Holds back whoever fills a queue. */
export interface QueueSource {
  pause(): void;
  resume(): void;
  /** Bytes more (or less, when negative) are kept for the handler. */
  hold(bytes: number): void;
}

/** Messages read ahead of a handler, and their bytes. It is kept busy by one; more would be memory for nothing. */
const READ_AHEAD = 16;
const READ_AHEAD_BYTES = 64 * 1024;

/**
 * The requests of a streaming call as the handler reads them: an async iterable that can be read once. It holds a few
 * messages; while it is full, its source is paused and the client's window closes.
 */
export class MessageQueue implements AsyncIterable<unknown>, AsyncIterator<unknown> {
  private readonly messages: unknown[] = [];
  /** The size of each of `messages` on the wire. */
  private readonly sizes: number[] = [];
  private heldBytes = 0;
  private waiting: { resolve(result: IteratorResult<unknown>): void; reject(error: unknown): void } | null =
    null;
  private isEnded = false;
  private failure: { readonly error: unknown } | null = null;
  private isPaused = false;

  constructor(private readonly source: QueueSource) {}

  push(message: unknown, bytes: number): void {
    if (this.isEnded || this.failure !== null) return;
    const { waiting } = this;
    if (waiting !== null) {
      this.waiting = null;
      waiting.resolve({ value: message, done: false });
      return;
    }
    this.messages.push(message);
    this.sizes.push(bytes);
    this.hold(bytes);
    const isFull = this.messages.length >= READ_AHEAD || this.heldBytes >= READ_AHEAD_BYTES;
    if (isFull && !this.isPaused) {
      this.isPaused = true;
      this.source.pause();
    }
  }

  end(): void {
    this.isEnded = true;
    this.waiting?.resolve({ value: undefined, done: true });
    this.waiting = null;
  }

  /** Ends the iteration with an error, ahead of the messages that were not read yet. */
  fail(error: unknown): void {
    if (this.failure !== null) return;
    this.failure = { error };
    this.clear();
    this.waiting?.reject(error);
    this.waiting = null;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.failure !== null) return Promise.reject(this.failure.error);
    if (this.messages.length > 0) {
      const value = this.messages.shift();
      this.hold(-(this.sizes.shift() as number));
      this.resumeSource();
      return Promise.resolve({ value, done: false });
    }
    if (this.isEnded) return Promise.resolve({ value: undefined, done: true });
    if (this.waiting !== null)
      return Promise.reject(new Error("The requests of a call can be read by one reader"));
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  /** The handler has left its loop: what still comes is dropped. */
  return(): Promise<IteratorResult<unknown>> {
    this.end();
    this.clear();
    this.resumeSource();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private clear(): void {
    this.messages.length = 0;
    this.sizes.length = 0;
    this.hold(-this.heldBytes);
  }

  private hold(bytes: number): void {
    this.heldBytes += bytes;
    this.source.hold(bytes);
  }

  private resumeSource(): void {
    if (!this.isPaused || this.messages.length > 0) return;
    this.isPaused = false;
    this.source.resume();
  }
}
