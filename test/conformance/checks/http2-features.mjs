// What HTTP/2 adds to HTTP/1.1, seen from outside: binary frames, many streams on one connection, compressed header
// fields and server push.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, expectIncludes, expectSuccess, runCases } from "../support/cases.mjs";
import { decodeText, encodeText } from "../support/grpc-message.mjs";
import { run as runTool } from "../support/process.mjs";

export const name = "HTTP/2: framing, multiplexing, HPACK, push";

const pushingPath = "/hello.html";
const pushedPath = "/hello.css";

/** A repeated block is one byte for each field out of the table; a field not in the table would take a dozen or more. */
const repeatedBlockBytes = 12;

export function run(server) {
  const origin = `http://${server.address}`;
  return runCases({
    "answers in binary frames: SETTINGS first, HEADERS, DATA, HEADERS": () => checkFraming(origin),
    "answers a quick call while a slow one is open on the connection": () => checkMultiplexing(origin),
    "answers the second of two requests before the first one ended": () => checkOrder(origin),
    "sends a repeated header block in a few bytes": () => checkHeaderCompression(origin),
    "pushes the style sheet of a page": () => checkPush(origin),
    "pushes nothing to a client that disabled push": () => checkNoPush(origin),
  });
}

async function checkFraming(origin) {
  const frames = framesOf(await unaryByNghttp(origin, 1));
  const received = frames.filter(({ direction }) => direction === "recv");
  expect(received[0]?.type === "SETTINGS", `the first frame was ${received[0]?.type}`);
  const answer = received.filter(({ stream }) => stream !== 0).map(({ type }) => type);
  const wanted = "HEADERS DATA HEADERS";
  expect(answer.join(" ") === wanted, `the answer came as ${answer.join(" ")}, wanted ${wanted}`);
}

async function checkHeaderCompression(origin) {
  const frames = framesOf(await unaryByNghttp(origin, 2));
  const blocks = frames.filter(({ direction, type }) => direction === "recv" && type === "HEADERS");
  const streams = [...new Set(blocks.map(({ stream }) => stream))];
  expect(streams.length === 2, `answers on ${streams.length} streams, wanted 2`);
  const [heads, trailers] = [0, 1].map((place) =>
    streams.map((stream) => blocks.filter((block) => block.stream === stream)[place].length),
  );
  for (const [what, [first, second]] of Object.entries({ heads, trailers })) {
    expect(
      second <= repeatedBlockBytes && second < first,
      `${what}: ${first} bytes, then ${second}; at most ${repeatedBlockBytes} wanted`,
    );
  }
}

async function checkPush(origin) {
  const output = await nghttp([origin + pushingPath]);
  const frames = framesOf(output);
  const promises = frames.filter(({ direction, type }) => direction === "recv" && type === "PUSH_PROMISE");
  expect(promises.length === 1, `${promises.length} PUSH_PROMISE frames, wanted 1:\n${output}`);
  expectIncludes(output, `:path: ${pushedPath}`);
  const onPushedStreams = frames.filter(({ stream }) => stream !== 0 && stream % 2 === 0);
  for (const type of ["HEADERS", "DATA"]) {
    expect(
      onPushedStreams.some((frame) => frame.direction === "recv" && frame.type === type),
      `no ${type} on a pushed stream:\n${output}`,
    );
  }
}

async function checkNoPush(origin) {
  const output = await nghttp(["--no-push", origin + pushingPath]);
  expect(!output.includes("PUSH_PROMISE"), `a push was promised:\n${output}`);
  expectIncludes(output, ":status: 200");
}

async function checkMultiplexing(origin) {
  await withConnection(origin, async (connection) => {
    const slow = openCall(connection, "SayHelloBidiStream");
    slow.write(encodeText("Ada"));
    expect((await nextMessage(slow)) === "Hello, Ada!", "the slow call was not greeted");
    const quick = openCall(connection, "SayHello");
    quick.end(encodeText("Grace"));
    expect((await nextMessage(quick)) === "Hello, Grace!", "the quick call was not greeted");
    expect(!slow.closed, "the slow call ended early");
    slow.write(encodeText("Edsger"));
    expect((await nextMessage(slow)) === "Hello, Edsger!", "the slow call was not greeted again");
    slow.end();
  });
}

async function checkOrder(origin) {
  await withConnection(origin, async (connection) => {
    const first = openCall(connection, "SayHelloToAll");
    first.write(encodeText("Ada"));
    const second = openCall(connection, "SayHelloToAll");
    second.end(encodeText("Grace"));
    expect((await nextMessage(second)).includes("Grace"), "the second call was not answered");
    first.end(encodeText("Edsger"));
    const reply = await nextMessage(first);
    expect(/Ada.*Edsger/.test(reply), `the first call was answered with ${reply}`);
  });
}

function openCall(connection, method) {
  return connection.request({
    ":method": "POST",
    ":path": `/helloworld.Greeter/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
  });
}

/** Each reply of the Greeter is short enough to come in one DATA frame. */
function nextMessage(stream) {
  return new Promise((resolve, reject) => {
    stream.once("data", (bytes) => resolve(decodeText(bytes)));
    stream.once("error", reject);
    stream.once("close", () => reject(new Error("the stream was closed without an answer")));
  });
}

async function withConnection(origin, use) {
  const connection = http2.connect(origin);
  const failed = new Promise((_, reject) => {
    connection.once("error", reject);
    connection.setTimeout(10_000, () => reject(new Error("nothing came for 10 seconds")));
  });
  try {
    await Promise.race([use(connection), failed]);
  } finally {
    connection.destroy();
  }
}

async function unaryByNghttp(origin, times) {
  const folder = mkdtempSync(path.join(tmpdir(), "nghttp-"));
  try {
    const request = path.join(folder, "request");
    writeFileSync(request, encodeText("world"));
    const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
    return await nghttp([
      "-m",
      String(times),
      "-d",
      request,
      ...headers,
      `${origin}/helloworld.Greeter/SayHello`,
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function nghttp(args) {
  const result = await runTool("nghttp", ["-v", "--timeout=10", ...args]);
  expectSuccess(result);
  return result.output;
}

/** What nghttp -v says of each frame: `{ direction, type, length, stream }`, lengths in bytes. */
function framesOf(output) {
  const pattern = /(send|recv) ([A-Z_]+) frame <length=(\d+), flags=0x[0-9a-f]+, stream_id=(\d+)>/g;
  return [...output.matchAll(pattern)].map(([, direction, type, length, stream]) => ({
    direction,
    type,
    length: Number(length),
    stream: Number(stream),
  }));
}
