import type { EventEmitter } from "node:events";
import { type Metadata as GrpcMetadata, type ServerInterceptingCallInterface, status } from "@grpc/grpc-js";
import type { BaseCall, HandlerListener } from "./base-call.ts";
import type { ServerErrorResponse, ServerStatusResponse } from "./internals.ts";
import { OK, statusOfError, statusOfThrown, unimplemented } from "./status.ts";
import { type CallParts, DuplexCall, UnaryCall, WritableCall } from "./surface-call.ts";

const HANDLER_TYPES = ["unary", "clientStream", "serverStream", "bidi"] as const;
export type HandlerType = (typeof HANDLER_TYPES)[number];

type Callback = (
  error: ServerErrorResponse | ServerStatusResponse | null,
  value?: unknown,
  trailer?: GrpcMetadata,
  flags?: number,
) => void;

/** A handler of one of the four types; which one says its type. */
export type HandlerFunction = (call: never, callback: Callback) => unknown;

export interface Handler {
  readonly path: string;
  readonly type: HandlerType;
  readonly func: HandlerFunction;
  /** Told of what a handler throws, or its promise is rejected with. */
  readonly onThrown: (path: string, error: unknown) => void;
}

/** Runs a handler on a call, behind whatever interceptors it has passed through. */
export function runHandler(handler: Handler, base: BaseCall, call: ServerInterceptingCallInterface): void {
  const { type } = handler;
  if (!HANDLER_TYPES.includes(type)) {
    call.sendStatus({ code: status.INTERNAL, details: `Unknown handler type: ${type}` });
    return;
  }
  const isUnary = type === "unary" || type === "serverStream";
  const listener = isUnary
    ? new RequestListener(handler, base, call)
    : new StreamListener(handler, base, call);
  if (call === base) base.startHandler(listener);
  else call.start(listener);
}

/** Hears a call for its handler, and makes the call that the handler sees. */
abstract class SurfaceListener implements HandlerListener {
  protected surface: UnaryCall | WritableCall | DuplexCall | null = null;
  protected readonly parts: CallParts;
  private received: GrpcMetadata | null = null;

  constructor(
    protected readonly handler: Handler,
    base: BaseCall,
    protected readonly call: ServerInterceptingCallInterface,
  ) {
    // Interceptors may put other metadata in the place of what was received.
    this.parts = { path: handler.path, call, metadata: () => this.received ?? base.metadata };
  }

  abstract begin(): void;
  abstract onReceiveMessage(message: unknown): void;
  abstract onReceiveHalfClose(): void;

  onReceiveMetadata(metadata: GrpcMetadata): void {
    this.received = metadata;
    this.begin();
  }

  onCancel(): void {
    const { surface } = this;
    if (surface === null) return;
    surface.cancelled = true;
    (surface as EventEmitter).emit("cancelled", "cancelled");
    if (!(surface instanceof UnaryCall)) surface.destroy();
  }

  protected run(surface: UnaryCall | WritableCall | DuplexCall): void {
    const { handler, call } = this;
    this.surface = surface;
    const answersOnce = handler.type === "unary" || handler.type === "clientStream";
    callHandler(handler, call, surface, answersOnce ? callbackOf(call) : undefined);
  }
}

/** For methods that take one request. */
class RequestListener extends SurfaceListener {
  private request: unknown = undefined;
  private hasRequest = false;

  begin(): void {
    this.call.startRead();
  }

  onReceiveMessage(message: unknown): void {
    if (this.hasRequest) {
      this.refuse("a second");
      return;
    }
    this.hasRequest = true;
    this.request = message;
    this.call.startRead();
  }

  onReceiveHalfClose(): void {
    if (!this.hasRequest) this.refuse("no");
    else if (this.handler.type === "unary") this.run(new UnaryCall(this.parts, this.request));
    else this.run(new WritableCall(this.parts, this.request));
  }

  private refuse(count: string): void {
    const { type, path } = this.handler;
    const kind = type === "unary" ? "unary" : "server streaming";
    const details = `Received ${count} request message for ${kind} method ${path}`;
    this.call.sendStatus({ code: status.UNIMPLEMENTED, details });
  }
}

/** For methods that take a stream of requests. */
class StreamListener extends SurfaceListener {
  begin(): void {
    this.run(new DuplexCall(this.parts));
  }

  onReceiveMessage(message: unknown): void {
    (this.surface as DuplexCall | null)?.push(message);
  }

  onReceiveHalfClose(): void {
    (this.surface as DuplexCall | null)?.push(null);
  }
}

function callbackOf(call: ServerInterceptingCallInterface): Callback {
  return (error, value, trailer) => {
    if (error) call.sendStatus(statusOfError(error, trailer) as never);
    else call.sendMessage(value, () => call.sendStatus({ ...OK, metadata: trailer ?? null } as never));
  };
}

function callHandler(
  handler: Handler,
  call: ServerInterceptingCallInterface,
  surface: object,
  callback: Callback | undefined,
): void {
  const fail = (error: unknown) => {
    handler.onThrown(handler.path, error);
    call.sendStatus(statusOfThrown(error) as never);
  };
  try {
    // An async handler's promise: nobody else would hear of its rejection, and the process would end.
    const result = handler.func(surface as never, callback as Callback) as { then?: unknown } | undefined;
    if (typeof result?.then === "function") (result as unknown as Promise<unknown>).then(undefined, fail);
  } catch (error) {
    fail(error);
  }
}

/** In the place of a handler that a service's implementation does not have. */
export function defaultHandler(type: HandlerType, path: string): HandlerFunction {
  const { code, details } = unimplemented(path);
  if (type === "unary" || type === "clientStream")
    return (_call, callback) => callback({ code, details }, null);
  return (call: never) => (call as WritableCall).emit("error", { code, details });
}
