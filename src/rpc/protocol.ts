import type { Exchange } from "../exchange.ts";
import type { CompressionOptions } from "./compression.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Method } from "./method.ts";
import type { Route } from "./route.ts";

/** Limits of one message, in bytes. */
export interface MessageLimits {
  readonly maxReceiveBytes: number;
  readonly maxSendBytes: number;
}

/** 4 MiB in, as every gRPC server has it; out, what the length prefix of 32 bits can say. */
export const defaultMessageLimits: MessageLimits = {
  maxReceiveBytes: 4 * 1024 * 1024,
  maxSendBytes: 0xffff_ffff,
};

/** Milliseconds that a call may take, whatever its client says. */
export interface Timeouts {
  /** When the client names no deadline. */
  readonly defaultMs: number;
  /** At most, whatever it names. */
  readonly maxMs: number;
}

export const noTimeouts: Timeouts = {
  defaultMs: Number.POSITIVE_INFINITY,
  maxMs: Number.POSITIVE_INFINITY,
};

/** What a protocol says of its own accord, for servers that take another's place. */
export interface Wording {
  readonly badTimeout: (value: string) => string;
  /** The content type of every answer; null: that of the request. */
  readonly responseType: "application/grpc+proto" | null;
}

export const defaultWording: Wording = {
  badTimeout: (value) => `malformed grpc-timeout "${value}"`,
  responseType: null,
};

/** Where the core tells what a person may want to know. */
export interface RpcLog {
  debug(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** What a protocol, and each of its calls, needs of the server. */
export interface CallHost {
  readonly log: RpcLog;
  readonly deadlines: Deadlines;
  readonly messageLimits: MessageLimits;
  readonly compression: CompressionOptions;
  readonly timeouts: Timeouts;
  readonly wording: Wording;
  /** Another object after each change of what is served: what was found before counts no more. */
  readonly registry: object;
  /** The method of a path (`/helloworld.Greeter/SayHello`), if it is served. */
  findMethod(path: string): Method | undefined;
  /** The routes of a path, without its query. */
  findRoutes(path: string): readonly Route[];
  /** The paths of every method and route, for a text that says what is here. */
  describe(): string[];
}

/** Turns the exchanges that it recognises into calls. A new protocol is a new folder and one line in the list of them. */
export interface Protocol {
  readonly name: string;
  /** Takes the exchange and returns true, or leaves it alone and returns false. */
  accept(exchange: Exchange, host: CallHost): boolean;
}
