import http2 from "node:http2";
import { decodeText, encodeText } from "../test/conformance/support/grpc-message.mjs";

/** Asks the server once and throws unless the answer is the greeting: a fast wrong answer is not to be measured. */
export async function checkAnswer(server) {
  const { origin, pathname } = new URL(server.url);
  const session = http2.connect(origin);
  try {
    const isGrpc = server.kind === "grpc";
    const stream = isGrpc
      ? session.request({
          ":method": "POST",
          ":path": pathname,
          "content-type": "application/grpc",
          te: "trailers",
        })
      : session.request({ ":path": pathname });
    session.once("error", (error) => stream.destroy(error));
    const answer = { status: 0, trailers: {} };
    stream.once("response", (headers) => {
      answer.status = headers[":status"];
    });
    stream.once("trailers", (trailers) => {
      answer.trailers = trailers;
    });
    stream.end(isGrpc ? encodeText("world") : undefined);
    const body = Buffer.concat(await stream.toArray());
    const text = isGrpc && body.length > 0 ? decodeText(body) : body.toString();
    const grpcStatus = isGrpc ? answer.trailers["grpc-status"] : "0";
    if (answer.status !== 200 || text !== "Hello, world!" || grpcStatus !== "0") {
      throw new Error(
        `${server.name} answered ${answer.status}, ${JSON.stringify(text)}, grpc-status ${grpcStatus}`,
      );
    }
  } finally {
    session.destroy();
  }
}
