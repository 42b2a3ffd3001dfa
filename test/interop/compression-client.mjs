// The interop cases on compression (gRPC's doc/interop-test-descriptions.md), which grpc-go's client lacks: whether a
// message is compressed shows in its first byte only, and no gRPC client of Node shows that. Plaintext, on node:http2.
import http2 from "node:http2";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import protoLoader from "@grpc/proto-loader";

const PREFIX_BYTES = 5;
const REQUEST_BYTES = 271_828;
const REPLY_BYTES = 314_159;

const { "grpc.testing.TestService": service } = protoLoader.loadSync("grpc/testing/test.proto", {
  includeDirs: [fileURLToPath(new URL("proto", import.meta.url))],
});

/** @returns the cases by name: functions that throw when the server on this port fails them */
export function compressionCases(port) {
  return {
    server_compressed_unary: async () => {
      for (const compressed of [true, false]) await checkUnary(port, compressed);
    },
    server_compressed_streaming: () => checkStreaming(port),
  };
}

async function checkUnary(port, compressed) {
  const request = {
    responseCompressed: { value: compressed },
    responseSize: REPLY_BYTES,
    payload: { body: Buffer.alloc(REQUEST_BYTES) },
  };
  const replies = await call(port, service.UnaryCall, [request]);
  expectReplies(replies, [{ size: REPLY_BYTES, compressed }]);
}

async function checkStreaming(port) {
  const wanted = [
    { size: 31_415, compressed: true },
    { size: 92_653, compressed: false },
  ];
  const responseParameters = wanted.map(({ size, compressed }) => ({
    size,
    compressed: { value: compressed },
  }));
  expectReplies(await call(port, service.StreamingOutputCall, [{ responseParameters }]), wanted);
}

function expectReplies({ status, message, replies }, wanted) {
  if (status !== "0") throw new Error(`ended with the status ${status}: ${message}`);
  const got = replies.map(({ isCompressed, reply }) => ({
    size: reply.payload.body.length,
    compressed: isCompressed,
  }));
  if (JSON.stringify(got) === JSON.stringify(wanted)) return;
  throw new Error(`answered ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
}

/** Makes one call, and resolves with `{ status, message, replies }`, each reply with whether it came compressed. */
async function call(port, method, requests) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": method.path,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-accept-encoding": "identity,gzip",
    });
    let head = {};
    stream.once("response", (headers) => {
      head = headers;
    });
    let trailers = {};
    stream.once("trailers", (headers) => {
      trailers = headers;
    });
    for (const request of requests) stream.write(frame(method.requestSerialize(request)));
    stream.end();
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const replies = messagesIn(Buffer.concat(chunks), head["grpc-encoding"]);
    const end = { ...head, ...trailers };
    return {
      status: end["grpc-status"],
      message: end["grpc-message"],
      replies: replies.map(({ isCompressed, bytes }) => ({
        isCompressed,
        reply: method.responseDeserialize(bytes),
      })),
    };
  } finally {
    session.destroy();
  }
}

function frame(message) {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function messagesIn(body, encoding) {
  const messages = [];
  for (let at = 0; at < body.length; ) {
    const isCompressed = body[at] === 1;
    if (isCompressed && encoding !== "gzip")
      throw new Error(`a compressed reply with the encoding ${encoding}`);
    const end = at + PREFIX_BYTES + body.readUInt32BE(at + 1);
    const bytes = body.subarray(at + PREFIX_BYTES, end);
    messages.push({ isCompressed, bytes: isCompressed ? gunzipSync(bytes) : bytes });
    at = end;
  }
  return messages;
}
