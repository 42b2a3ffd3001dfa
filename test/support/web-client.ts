import { once } from "node:events";
import { request as httpRequest, type RequestOptions } from "node:http";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import { request as httpsRequest } from "node:https";
import type { ServerProcess } from "./server-process.ts";

/** How a client reaches a server. */
export interface Way {
  readonly version: "HTTP/1.1" | "HTTP/2";
  readonly isSecure: boolean;
}

export const ways: readonly Way[] = [
  { version: "HTTP/1.1", isSecure: false },
  { version: "HTTP/1.1", isSecure: true },
  { version: "HTTP/2", isSecure: false },
  { version: "HTTP/2", isSecure: true },
];

export interface WebAnswer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly trailers: Record<string, unknown>;
  readonly body: string;
}

export interface WebRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array | string;
  /** The address to connect to. */
  readonly host?: string;
}

/** One request on a connection of its own. */
export function ask(server: ServerProcess, way: Way, request: WebRequest = {}): Promise<WebAnswer> {
  return way.version === "HTTP/2"
    ? askHttp2(server, way.isSecure, request)
    : askHttp1(server, way.isSecure, request);
}

async function askHttp1(server: ServerProcess, isSecure: boolean, request: WebRequest): Promise<WebAnswer> {
  const { method = "GET", path = "/", headers = {}, body, host = "localhost" } = request;
  const options: RequestOptions = { host, port: server.port, method, path, headers, agent: false };
  const client = isSecure ? httpsRequest({ ...options, ca: server.ca }) : httpRequest(options);
  client.end(body);
  const [response] = await once(client, "response");
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += piece;
  return { status: response.statusCode, headers: response.headers, trailers: response.trailers, body: text };
}

/** A connection of Node's HTTP/2 client. */
export function openHttp2(
  server: ServerProcess,
  isSecure: boolean,
  host = "localhost",
  enablePush = true,
): ClientHttp2Session {
  const scheme = isSecure ? "https" : "http";
  const session = connect(`${scheme}://${host}:${server.port}`, {
    settings: { enablePush },
    ...(isSecure ? { ca: server.ca } : {}),
  });
  session.on("error", () => {});
  return session;
}

async function askHttp2(server: ServerProcess, isSecure: boolean, request: WebRequest): Promise<WebAnswer> {
  const session = openHttp2(server, isSecure, request.host);
  try {
    return await askOn(session, request);
  } finally {
    session.close();
  }
}

/** One request on an open connection. */
export function askOn(session: ClientHttp2Session, request: WebRequest = {}): Promise<WebAnswer> {
  const { method = "GET", path = "/", headers = {}, body } = request;
  const stream = session.request(
    { ":method": method, ":path": path, ...headers },
    { endStream: body === undefined },
  );
  if (body !== undefined) stream.end(body);
  return answerOf(stream);
}

/** Reads an answer to its end. */
export async function answerOf(
  stream: ClientHttp2Stream,
  event: "response" | "push" = "response",
): Promise<WebAnswer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let body = "";
  stream.on(event, (received) => {
    headers = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.setEncoding("utf8").on("data", (piece: string) => {
    body += piece;
  });
  await once(stream, "close");
  const { ":status": status, ...rest } = headers as Record<string, unknown>;
  return { status: Number(status), headers: rest, trailers, body };
}
