// The interop cases on compression (gRPC's doc/interop-test-descriptions.md), which grpc-go's client lacks: whether a
// message is compressed shows in its first byte only, and no gRPC client of Node shows that. Plaintext, on node:http2.
import http2 from "node:http2";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import protoLoader from "@grpc/proto-loader";

const PREFIX_BYTES = 5;
const REQUEST_BYTES = 271_828;
const REPLY_BYTES = 314_159;
const OK = "0";
const INVALID_ARGUMENT = "3";

const { "grpc.testing.TestService": service } = protoLoader.loadSync("grpc/testing/test.proto", {
  includeDirs: [fileURLToPath(new URL("proto", import.meta.url))],
});

/** @returns the cases by name: functions that throw when the server on this port fails them */
export function compressionCases(port) {
  return {
    client_compressed_unary: () => checkRequest(port),
    client_compressed_streaming: () => checkRequestStream(port),
    server_compressed_unary: async () => {
      for (const compressed of [true, false]) await checkUnary(port, compressed);
    },
    server_compressed_streaming: () => checkStreaming(port),
  };
}

/** First, a request that says it is compressed and is not: the server must see that. */
async function checkRequest(port) {
  const payload = { body: Buffer.alloc(REQUEST_BYTES) };
  const ask = (expected, compressed) => {
    const request = { expectCompressed: { value: expected }, responseSize: REPLY_BYTES, payload };
    return call(port, service.UnaryCall, [request], [compressed]);
  };
  expectStatus(await ask(true, false), INVALID_ARGUMENT);
  expectReplies(await ask(true, true), [{ size: REPLY_BYTES, compressed: false }]);
  expectReplies(await ask(false, false), [{ size: REPLY_BYTES, compressed: false }]);
}

async function checkRequestStream(port) {
  const request = (expected, size) => ({
    expectCompressed: { value: expected },
    payload: { body: Buffer.alloc(size) },
  });
  const probe = await call(port, service.StreamingInputCall, [request(true, 27_182)], [false]);
  expectStatus(probe, INVALID_ARGUMENT);
  const requests = [request(true, 27_182), request(false, 45_904)];
  const answer = await call(port, service.StreamingInputCall, requests, [true, false]);
  expectStatus(answer, OK);
  const size = answer.replies[0].reply.aggregatedPayloadSize;
  if (size !== 73_086) throw new Error(`counted ${size} bytes, wanted 73086`);
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

function expectStatus({ status, message }, wanted) {
  if (status !== wanted) throw new Error(`ended with the status ${status}, wanted ${wanted}: ${message}`);
}

function expectReplies(answer, wanted) {
  expectStatus(answer, OK);
  const got = answer.replies.map(({ isCompressed, reply }) => ({
    size: reply.payload.body.length,
    compressed: isCompressed,
  }));
  if (JSON.stringify(got) === JSON.stringify(wanted)) return;
  throw new Error(`answered ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
}

/** Makes one call, with the requests at the places of true in `compressed` compressed, and resolves with `{ status, message, replies }`, each reply with whether it came compressed. */
async function call(port, method, requests, compressed = []) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": method.path,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-encoding": compressed.includes(true) ? "gzip" : "identity",
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
    for (const [i, request] of requests.entries()) {
      stream.write(frame(method.requestSerialize(request), compressed[i] ?? false));
    }
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

function frame(message, isCompressed) {
  const bytes = isCompressed ? gzipSync(message) : message;
  const prefix = Buffer.from([isCompressed ? 1 : 0, 0, 0, 0, 0]);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
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
