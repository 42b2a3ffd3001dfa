import type { Exchange, Peer, RequestHead } from "../exchange.ts";

/** A plain HTTP request as a route sees it. */
export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Parsed from what follows `?`. */
  readonly query: URLSearchParams;
  readonly authority: string;
  readonly peer: Peer;
  /** The first value of a header field; of `cookie`, all. */
  header(name: string): string | undefined;
  readonly body: Uint8Array;
  /** Promises another path of this server to a client that allows it; false when it does not. */
  push(path: string): boolean;
}

/** What a route answers. Text is sent as UTF-8. */
export interface HttpResponse {
  /** 200 when absent. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
}

export type RouteHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** An HTTP route of the application: one or more methods on one path. */
export interface Route {
  readonly kind: "route";
  readonly methods: readonly string[];
  readonly path: string;
  readonly handler: RouteHandler;
}

/**
 * Declares an HTTP route: `route("GET", "/", () => ({ body: "hello" }))`. A GET route answers HEAD as well.
 *
 * @param methods one method, or several separated by spaces: `"GET POST"`
 * @param path an exact path, beginning with `/`
 */
export function route(methods: string, path: string, handler: RouteHandler): Route {
  if (!path.startsWith("/")) throw new TypeError(`The path of a route begins with "/", not as in "${path}"`);
  return { kind: "route", methods: methods.split(" "), path, handler };
}

/** True for what {@link route} returns. */
export function isRoute(value: unknown): value is Route {
  return typeof value === "object" && value !== null && (value as Partial<Route>).kind === "route";
}

/** The request that an exchange carries, once its body is here. */
export function requestOf(exchange: Exchange, body: Uint8Array): HttpRequest {
  const { method, path, authority } = exchange.head;
  const queryAt = path.indexOf("?");
  return {
    method,
    path: queryAt < 0 ? path : path.slice(0, queryAt),
    query: new URLSearchParams(queryAt < 0 ? "" : path.slice(queryAt + 1)),
    authority,
    peer: exchange.peer,
    header: (name) => fieldOf(exchange.head, name.toLowerCase()),
    body,
    push: (target) => exchange.push(target),
  };
}

/** HTTP/2 may send cookies in crumbs, which are one field to whoever reads them (RFC 9113 section 8.2.3). */
function fieldOf(head: RequestHead, name: string): string | undefined {
  if (name !== "cookie") return head.get(name);
  const crumbs = head.getAll(name);
  return crumbs.length === 0 ? undefined : crumbs.join("; ");
}
