import type { Call } from "./call.ts";

/** Sends each value of an iterable, which is advanced only while the client keeps up. Ends early when the call is over. */
export async function sendAll(
  call: Call,
  result: unknown,
  change: (value: unknown) => unknown = (value) => value,
): Promise<void> {
  const output = iteratorOf(await result);
  call.output = output;
  while (!call.isOver) {
    // Not `for await`: that could not end an iterator which waits for something that never comes.
    const { value, done } = await output.next();
    if (done === true) return;
    if (call.send(change(value)) === "full") await call.drained();
  }
  await output.return?.();
}

/** Runs the `finally` of a generator, or ends the wait of another iterator, when the call is over. */
export function stopOutput(call: Call): void {
  const { output } = call;
  call.output = null;
  if (output?.return === undefined) return;
  const stop = output.return.bind(output);
  Promise.resolve()
    .then(() => stop())
    .catch((error) => call.fail(error));
}

function iteratorOf(values: unknown): AsyncIterator<unknown> {
  const source = values as Partial<AsyncIterable<unknown>>;
  return source[Symbol.asyncIterator]?.() ?? awaitEach(values as Iterable<unknown>);
}

async function* awaitEach(values: Iterable<unknown>): AsyncGenerator<unknown> {
  yield* values;
}
