import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { service } from "./service.ts";

/** The answer to one HTTP/2 request, piece by piece. */
export interface WireAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Null after an answer in one piece (Trailers-Only). */
  readonly trailers: IncomingHttpHeaders | null;
}

/** A client that knows HTTP/2 and leaves gRPC to the case. */
export class WireClient {
  /** Settled once the connection is closed, however that came. */
  readonly closed: Promise<unknown>;

  private constructor(readonly session: ClientHttp2Session) {
    // Not by `once`, which would take an error on the way for a failure.
    this.closed = new Promise((resolve) => session.on("close", resolve));
  }

  static async connect(port: number): Promise<WireClient> {
    const session = connect(`http://localhost:${port}`);
    session.on("error", () => {});
    // The server has seen the connection once its settings are here.
    await once(session, "remoteSettings");
    return new WireClient(session);
  }

  close(): void {
    this.session.destroy();
  }

  /** Opens a stream; a header that is undefined is left out. */
  readonly open = (headers: OutgoingHttpHeaders = {}): ClientHttp2Stream => {
    const stream = this.session.request({
      ":method": "POST",
      ":path": service.Unary.path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => {});
    return stream;
  };

  /** A whole request and its whole answer. */
  readonly request = (headers: OutgoingHttpHeaders, body?: Uint8Array): Promise<WireAnswer> => {
    const stream = this.open(headers);
    stream.end(body);
    return answerOf(stream);
  };
}

/** All of what comes back on a stream, once it is closed. */
export async function answerOf(stream: ClientHttp2Stream): Promise<WireAnswer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | null = null;
  const pieces: Buffer[] = [];
  stream.on("response", (received) => {
    headers = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  await once(stream, "close");
  return { headers, body: Buffer.concat(pieces), trailers };
}
