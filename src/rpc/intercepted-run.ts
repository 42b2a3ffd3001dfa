import type { Call } from "./call.ts";
import type { CallContext } from "./call-context.ts";
import type { Interceptor, MessageHook } from "./interceptor.ts";
import { sendAll } from "./output.ts";

/** One call on its way through the interceptors to the handler, and back. */
export class InterceptedRun {
  private hasRun = false;
  private reply: unknown = undefined;

  constructor(
    private readonly call: Call,
    private readonly input: unknown,
    private readonly handler: (input: unknown, call: CallContext) => unknown,
    private readonly sendsMany: boolean,
  ) {}

  async through(interceptor: Interceptor): Promise<void> {
    const { call } = this;
    const returned = await interceptor(call, () => this.runHandler());
    if (call.isOver) return;
    if (this.sendsMany) {
      if (!this.hasRun) throw notRun(call);
      call.succeed();
      return;
    }
    const reply = returned === undefined ? this.reply : returned;
    if (reply === undefined && !this.hasRun) throw notRun(call);
    call.reply(throughHooks(call.replyHooks, reply));
  }

  private async runHandler(): Promise<unknown> {
    if (this.hasRun) throw new Error("An interceptor has called next() twice");
    this.hasRun = true;
    const { call, handler } = this;
    const result = handler(this.changedInput(), call);
    if (this.sendsMany) await sendAll(call, result, (value) => throughHooks(call.replyHooks, value));
    else this.reply = await result;
    // Cancelled or timed out meanwhile: who waits for the end learns that it was none.
    if (call.isOver) call.signal.throwIfAborted();
    return this.reply;
  }

  private changedInput(): unknown {
    const { input, call } = this;
    const hooks = call.requestHooks;
    if (hooks.length === 0) return input;
    return isStream(input) ? changeEach(input, hooks) : throughHooks(hooks, input);
  }
}

async function* changeEach(messages: AsyncIterable<unknown>, hooks: readonly MessageHook[]) {
  for await (const message of messages) yield throughHooks(hooks, message);
}

function throughHooks(hooks: readonly MessageHook[], message: unknown): unknown {
  let current = message;
  for (const hook of hooks) {
    const changed = hook(current);
    if (changed !== undefined) current = changed;
  }
  return current;
}

function isStream(input: unknown): input is AsyncIterable<unknown> {
  return typeof input === "object" && input !== null && Symbol.asyncIterator in input;
}

function notRun({ method }: CallContext): Error {
  return new Error(`${method.path}: an interceptor neither called next(), nor returned a reply, nor threw`);
}
