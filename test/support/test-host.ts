import type { Exchange } from "../../src/exchange.ts";
import { grpcProtocol } from "../../src/protocols/grpc/protocol.ts";
import { httpProtocol } from "../../src/protocols/http/protocol.ts";
import { defaultCompression } from "../../src/rpc/compression.ts";
import { Deadlines } from "../../src/rpc/deadlines.ts";
import { type HandlerFunction, handlerDriver } from "../../src/rpc/handler-driver.ts";
import type { Interceptor } from "../../src/rpc/interceptor.ts";
import type { Method } from "../../src/rpc/method.ts";
import {
  type CallHost,
  defaultMessageLimits,
  defaultWording,
  type MessageLimits,
  noTimeouts,
  type Timeouts,
} from "../../src/rpc/protocol.ts";
import type { Route } from "../../src/rpc/route.ts";
import type { Codec, MethodKind } from "../../src/schema/types.ts";

/** Messages that are texts, so that tests can read them. 0xff is no text; what is no text cannot be sent. */
export const textCodec: Codec = {
  typeName: "test.Text",
  encode(value) {
    if (typeof value !== "string") throw new TypeError("SECRET: this is no text");
    return Buffer.from(value);
  },
  decode(bytes) {
    if (bytes.includes(0xff)) throw new TypeError("SECRET: this is no text");
    return Buffer.from(bytes).toString();
  },
};

/** A method `/test.Test/NAME` of texts. */
export function textMethod(
  kind: MethodKind,
  handler: HandlerFunction,
  name = "Method",
  interceptor: Interceptor | null = null,
): Method {
  const path = `/test.Test/${name}`;
  const schema = { name, path, kind, request: textCodec, response: textCodec };
  return { schema, driver: handlerDriver(kind, handler, interceptor) };
}

export interface LogLine {
  readonly level: "debug" | "warn" | "error";
  readonly message: string;
  readonly fields: object | undefined;
}

/** What a protocol needs of a server, without listening anywhere. */
export class TestHost implements CallHost {
  readonly lines: LogLine[] = [];
  readonly log = {
    debug: (message: string, fields?: object) => this.lines.push({ level: "debug", message, fields }),
    warn: (message: string, fields?: object) => this.lines.push({ level: "warn", message, fields }),
    error: (message: string, fields?: object) => this.lines.push({ level: "error", message, fields }),
  };
  readonly messageLimits: MessageLimits;
  compression = defaultCompression;
  timeouts: Timeouts = noTimeouts;
  wording = defaultWording;
  registry: object = {};
  readonly methods: Method[] = [];
  readonly routes: Route[] = [];

  constructor(
    limits: Partial<MessageLimits> = {},
    readonly deadlines = new Deadlines(),
  ) {
    this.messageLimits = { ...defaultMessageLimits, ...limits };
  }

  findMethod(path: string): Method | undefined {
    return this.methods.find(({ schema }) => schema.path === path);
  }

  findRoutes(path: string): readonly Route[] {
    return this.routes.filter((route) => route.path === path);
  }

  describe(): string[] {
    return [
      ...this.routes.map(({ path }) => `GET ${path}`),
      ...this.methods.map(({ schema }) => `gRPC ${schema.path}`),
    ];
  }

  /** Takes an exchange as a server does. */
  accept(exchange: Exchange): void {
    for (const protocol of [grpcProtocol, httpProtocol]) if (protocol.accept(exchange, this)) return;
  }

  get errors(): string[] {
    return this.lines.filter(({ level }) => level === "error").map(({ message }) => message);
  }
}
