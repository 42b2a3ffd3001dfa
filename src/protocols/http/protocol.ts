import { type AbortReason, type Exchange, type ExchangeReceiver, FieldSection } from "../../exchange.ts";
import type { CallHost, Protocol } from "../../rpc/protocol.ts";
import { type HttpResponse, type Route, requestOf } from "../../rpc/route.ts";
import { GrowingBuffer } from "../shared/growing-buffer.ts";
import { shorten } from "../shared/shorten.ts";

/** A route's request is small; whoever sends more is answered 413. */
const MAX_BODY_BYTES = 1024 * 1024;
/** RFC 9110 section 5.6.2. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 section 5.5: visible characters with single spaces or tabs within, in latin1. */
const FIELD_VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
const TEXT = "text/plain; charset=utf-8";

/** Plain HTTP: the application's routes, and a text that says what is here for everything else. */
export const httpProtocol: Protocol = {
  name: "HTTP",

  accept(exchange: Exchange, host: CallHost): boolean {
    const { method } = exchange.head;
    const path = exchange.head.path.split("?", 1)[0];
    const here = host.findRoutes(path);
    const route = here.find(
      ({ methods }) => methods.includes(method) || (method === "HEAD" && methods.includes("GET")),
    );
    // Without a route the body does not matter, and its end may never come.
    if (route !== undefined) exchange.receiver = new RouteExchange(exchange, (body) => answer(route, body));
    else send(exchange, here.length > 0 ? methodNotAllowed(here) : notFound(exchange, host));
    return true;

    async function answer({ handler }: Route, body: Uint8Array): Promise<HttpResponse> {
      try {
        const response = await handler(requestOf(exchange, body));
        checkResponse(response);
        return response;
      } catch (error) {
        host.log.error("A route failed", { path, error });
        return text(500, "The server failed to answer this.\n");
      }
    }
  },
};

function text(status: number, body: string): HttpResponse {
  return { status, headers: { "content-type": TEXT }, body };
}

function methodNotAllowed(routes: readonly Route[]): HttpResponse {
  const allow = routes.flatMap(({ methods }) => methods).join(", ");
  return { status: 405, headers: { "content-type": TEXT, allow }, body: `This path takes ${allow}.\n` };
}

/** A path that is a gRPC method is there, but not for this content type (gRPC over HTTP/2 asks for 415). */
function notFound(exchange: Exchange, host: CallHost): HttpResponse {
  const { path } = exchange.head;
  if (host.findMethod(path) !== undefined) {
    const body = `${shorten(path)} is a gRPC method: call it with a gRPC client (content-type application/grpc over HTTP/2).\n`;
    return { status: 415, headers: { "content-type": TEXT, "grpc-status": "3" }, body };
  }
  return text(
    404,
    `There is nothing at ${shorten(path)}. This server has:\n${host
      .describe()
      .map((line) => `  ${line}\n`)
      .join("")}`,
  );
}

/** Fields of a connection rather than of an answer (RFC 9113 section 8.2.2), and the one that is always ours. */
const NOT_A_ROUTES = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "content-length",
]);

/**
 * What is no answer must not leave as one: a wrong length would end the connection and every other stream on it, and a
 * line break in a field is split at by HTTP/1.1 behind a proxy (RFC 9113 section 10.3).
 *
 * @throws TypeError naming what is wrong
 */
function checkResponse({ status = 200, headers = {}, body = "" }: HttpResponse): void {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`${status} is no status of an answer: those are 200 to 599`);
  }
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    throw new TypeError("The body of an answer must be a string or bytes (Uint8Array)");
  }
  for (const [name, value] of Object.entries(headers)) {
    if (!FIELD_NAME.test(name)) throw new TypeError(`"${name}" is no name of a header field`);
    if (NOT_A_ROUTES.has(name.toLowerCase()))
      throw new TypeError(`The header field "${name}" is set by the server`);
    if (typeof value !== "string" || !FIELD_VALUE.test(value)) {
      throw new TypeError(`The header field "${name}" must be a string of characters that can be sent`);
    }
  }
}

function send(exchange: Exchange, { status = 200, headers = {}, body = "" }: HttpResponse): void {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const fields: string[] = [];
  for (const [name, value] of Object.entries(headers)) fields.push(name.toLowerCase(), value);
  // RFC 9110 section 8.6: neither may say a length.
  const hasNoContent = status === 204 || status === 304;
  if (!hasNoContent) fields.push("content-length", String(bytes.length));
  const head = new FieldSection(status, fields);
  if (hasNoContent || bytes.length === 0 || exchange.head.method === "HEAD") {
    exchange.respondAndEnd(head);
    return;
  }
  exchange.respond(head);
  exchange.write(bytes);
  exchange.end();
}

/** Gathers a request's body, asks for the answer once it is whole, and sends it. */
class RouteExchange implements ExchangeReceiver {
  private readonly body = new GrowingBuffer();
  /** Answered, or given up by the client. */
  private isOver = false;

  constructor(
    private readonly exchange: Exchange,
    private readonly answer: (body: Uint8Array) => Promise<HttpResponse>,
  ) {}

  onData(bytes: Uint8Array): void {
    if (this.isOver) return;
    if (this.body.length + bytes.length > MAX_BODY_BYTES) {
      this.exchange.hold(-this.body.length);
      this.body.clear();
      this.send(text(413, `The request has more than ${MAX_BODY_BYTES} bytes.\n`));
      return;
    }
    this.exchange.hold(bytes.length);
    this.body.append(bytes);
  }

  onEnd(): void {
    if (this.isOver) return;
    this.exchange.beginWork();
    this.answer(this.body.bytes)
      .then((response) => this.send(response))
      .catch(() => this.exchange.abort("internal"))
      .finally(() => this.exchange.endWork());
  }

  onAbort(_reason: AbortReason): void {
    this.isOver = true;
  }

  onDrain(): void {}

  private send(response: HttpResponse): void {
    if (this.isOver) return;
    this.isOver = true;
    send(this.exchange, response);
  }
}
