import { deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { expect } from "chai";
import {
  compress,
  defaultCompression,
  InflatesTooLargeError,
  inflate,
  TaskGate,
} from "../../src/rpc/compression.ts";
import { settle } from "../support/fake-call.ts";
import { GrpcPeer, prefix } from "../support/grpc-peer.ts";
import { TestHost, textMethod } from "../support/test-host.ts";

const KiB = 1024;
/** Bytes that do not shrink, the same each time. */
const noise = (bytes: number) => {
  let state = 1;
  return Buffer.from(
    Array.from({ length: bytes }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
};

/** A message in its envelope, compressed. */
function compressed(bytes: Uint8Array, flag = 1): Buffer {
  return Buffer.concat([prefix(bytes.length, flag), bytes]);
}

describe("compression of messages", () => {
  for (const encoding of ["gzip", "deflate"] as const) {
    for (const bytes of [0, 10, 5000, 200 * KiB]) {
      it(`${encoding} of ${bytes} bytes comes back, and zlib reads it`, async () => {
        const message = noise(bytes);
        const small = await compress(encoding, message, defaultCompression);
        expect((encoding === "gzip" ? gunzipSync : inflateSync)(small).equals(message)).to.equal(true);
        expect((await inflate(encoding, small, bytes)).equals(message)).to.equal(true);
      });
    }

    it(`${encoding}: a bomb stops at its limit, and one byte more is too much`, async () => {
      const bomb = (encoding === "gzip" ? gzipSync : deflateSync)(Buffer.alloc(8 * KiB * KiB));
      const before = process.memoryUsage().arrayBuffers;
      const error = await Promise.resolve()
        .then(() => inflate(encoding, bomb, 64 * KiB))
        .catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(InflatesTooLargeError);
      expect(process.memoryUsage().arrayBuffers - before).to.be.below(2 * KiB * KiB);
      const exact = (encoding === "gzip" ? gzipSync : deflateSync)(Buffer.alloc(1001));
      expect((await inflate(encoding, exact, 1001)).length).to.equal(1001);
      expect(() => inflate(encoding, exact, 1000)).to.throw(InflatesTooLargeError);
      expect(() => inflate(encoding, exact, 0)).to.throw(InflatesTooLargeError);
    });
  }

  it("runs no more tasks at a time than the gate lets through, and each in its turn", async () => {
    const gate = new TaskGate(2);
    const ends: (() => void)[] = [];
    const order: number[] = [];
    const tasks = [0, 1, 2, 3].map((name) =>
      gate.run(() => {
        order.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    await settle();
    expect([order, gate.running]).to.deep.equal([[0, 1], 2]);
    ends[1]();
    await settle();
    expect([order, gate.running]).to.deep.equal([[0, 1, 2], 2]);
    ends[0]();
    ends[2]();
    await settle();
    ends[3]();
    await Promise.all(tasks);
    expect([order, gate.running]).to.deep.equal([[0, 1, 2, 3], 0]);
  });
});

describe("a gRPC call with compression", () => {
  const echo = () => textMethod("unary", (text) => text);
  const chat = () =>
    textMethod("bidi", async function* (texts) {
      yield* texts as AsyncIterable<string>;
    });
  const text = "x".repeat(3000);

  /** The answer, after threads have done their part: as long as it takes. */
  async function answerOf(peer: GrpcPeer, streamId: number) {
    let answer = await peer.answer(streamId);
    for (let round = 0; round < 5000 && !answer.isEnded && answer.reset === undefined; round++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      answer = await peer.answer(streamId);
    }
    return answer;
  }

  for (const [encoding, pack, unpack] of [
    ["gzip", gzipSync, gunzipSync],
    ["deflate", deflateSync, inflateSync],
  ] as const) {
    for (const length of [3000, 300_000]) {
      it(`answers ${length} bytes in ${encoding} with ${encoding}`, async () => {
        const peer = new GrpcPeer([echo()]);
        const fields = ["grpc-encoding", encoding, "grpc-accept-encoding", "identity,gzip,deflate"];
        const id = peer.open(fields);
        peer.sendLast(id, compressed(pack(Buffer.from("y".repeat(length)))));
        const { headers, messages, trailers } = await answerOf(peer, id);
        expect(headers["grpc-encoding"]).to.equal(encoding);
        expect(unpack(Buffer.from(messages[0], "latin1")).toString()).to.equal("y".repeat(length));
        expect(trailers).to.deep.equal({ "grpc-status": "0" });
      });
    }
  }

  it("keeps the order of messages that take their time, in and out", async () => {
    const peer = new GrpcPeer([chat()]);
    const texts = [300_000, 10, 100_000, 2000, 1, 50_000].map((length, i) => String(i).repeat(length));
    const id = peer.open(["grpc-encoding", "gzip", "grpc-accept-encoding", "gzip"]);
    for (const each of texts) peer.send(id, compressed(gzipSync(each)));
    peer.sendLast(id);
    const { body } = await answerOf(peer, id);
    expect(body.length).to.be.above(0);
    expect((await answerOf(peer, id)).messages.map(readMaybe)).to.deep.equal(texts);
  });

  it("leaves small messages, a client that did not compress, and a call that opts out as they are", async () => {
    const peer = new GrpcPeer([echo()]);
    const small = await peer.call(compressed(gzipSync("small")), ["grpc-encoding", "gzip"]);
    expect(small.messages).to.deep.equal(["small"]);
    const plain = await peer.call(compressed(Buffer.from(text), 0), ["grpc-accept-encoding", "gzip"]);
    expect(plain.messages).to.deep.equal([text]);
    const optsOut = new GrpcPeer([
      textMethod("unary", (request, call) => {
        call.compress = false;
        return request;
      }),
    ]);
    const answer = await optsOut.call(compressed(gzipSync(text)), ["grpc-encoding", "gzip"]);
    expect(answer.messages).to.deep.equal([text]);
  });

  it("lets a handler choose for each message", async () => {
    const method = textMethod("server-stream", async function* (_request, call) {
      yield text;
      call.compress = false;
      yield text;
    });
    const { body } = await new GrpcPeer([method]).call(compressed(gzipSync("")), ["grpc-encoding", "gzip"]);
    expect([body.charCodeAt(0), body.endsWith(`\0\0\0\u000b\ufffd${text}`)]).to.deep.equal([1, true]);
  });

  it("compresses always when the server says so and the client accepts it, and never otherwise", async () => {
    const host = new TestHost();
    host.compression = { ...defaultCompression, replies: "always" };
    const peer = new GrpcPeer([echo()], { host });
    const request = compressed(Buffer.from(text), 0);
    const accepting = await peer.call(request, ["grpc-accept-encoding", "br, deflate ,gzip"]);
    expect(accepting.headers["grpc-encoding"]).to.equal("deflate");
    expect(inflateSync(Buffer.from(accepting.messages[0], "latin1")).toString()).to.equal(text);
    for (const accepted of ["br", "identity", ""]) {
      const refusing = await peer.call(request, ["grpc-accept-encoding", accepted]);
      expect([refusing.headers["grpc-encoding"], refusing.messages]).to.deep.equal([undefined, [text]]);
    }
    host.compression = { ...defaultCompression, replies: "never" };
    host.registry = {};
    const never = await peer.call(compressed(gzipSync(text)), ["grpc-encoding", "gzip"]);
    expect(never.messages).to.deep.equal([text]);
  });

  it("corrupt bytes end that one call with INTERNAL, whatever their size", async () => {
    for (const bytes of [Buffer.from("no gzip"), noise(5000), gzipSync(noise(9000)).subarray(0, 4000)]) {
      const peer = new GrpcPeer([echo()]);
      const id = peer.open(["grpc-encoding", "gzip"]);
      peer.sendLast(id, compressed(bytes));
      const { headers } = await answerOf(peer, id);
      expect([headers["grpc-status"], headers["grpc-message"]]).to.deep.equal([
        "13",
        "The request message could not be decompressed as gzip",
      ]);
      expect((await peer.call(compressed(Buffer.from("next"), 0))).messages).to.deep.equal(["next"]);
    }
  });

  it("a bomb ends its call with RESOURCE_EXHAUSTED, and nothing is kept", async () => {
    const host = new TestHost({ maxReceiveBytes: 100_000 });
    for (const size of [100_001, 10_000_000]) {
      const peer = new GrpcPeer([echo()], { host });
      const id = peer.open(["grpc-encoding", "gzip"]);
      peer.sendLast(id, compressed(gzipSync(Buffer.alloc(size))));
      const { headers } = await answerOf(peer, id);
      expect(headers).to.include({
        "grpc-status": "8",
        "grpc-message": "Received message that decompresses to a size larger than 100000",
      });
      expect(peer.peer.budget.usedBytes).to.equal(0);
      host.methods.length = 0;
    }
  });

  it("a driver that throws ends that one call", async () => {
    const method = textMethod("unary", () => "");
    const throwing = {
      schema: method.schema,
      driver: {
        ...method.driver,
        recvMessage() {
          throw new Error("SECRET");
        },
      },
    };
    const peer = new GrpcPeer([throwing]);
    const id = peer.open(["grpc-encoding", "gzip"]);
    peer.sendLast(id, compressed(gzipSync(noise(5000).toString("base64"))));
    const { headers } = await answerOf(peer, id);
    expect([headers["grpc-status"], peer.host.errors]).to.deep.equal(["2", ["A handler failed"]]);
  });

  it("a call that is cancelled while its message is inflated ends quietly, and nothing is kept", async () => {
    const peer = new GrpcPeer([echo()]);
    const id = peer.open(["grpc-encoding", "gzip"]);
    peer.sendLast(id, compressed(gzipSync(noise(16_000))));
    peer.reset(id);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([peer.host.errors, peer.peer.budget.usedBytes, peer.peer.connection.streamCount]).to.deep.equal([
      [],
      0,
      0,
    ]);
  });
});

/** Messages shorter than the threshold are sent as they are. */
function readMaybe(message: string): string {
  const bytes = Buffer.from(message, "latin1");
  return bytes[0] === 0x1f ? gunzipSync(bytes).toString() : message;
}
