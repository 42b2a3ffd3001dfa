import { deflateSync, gunzipSync, gzipSync } from "node:zlib";
import { type handleUnaryCall, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { deserialize, envelope, type Message, serialize, service } from "./support/service.ts";
import { describeTwins } from "./support/twins.ts";
import type { WireAnswer } from "./support/wire-client.ts";

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

const COMPRESSED = 1;

function statusOf({ headers, trailers }: WireAnswer): [number, string] {
  const fields = { ...headers, ...trailers };
  return [Number(fields["grpc-status"]), decodeURI(String(fields["grpc-message"] ?? ""))];
}

describeTwins("compressed requests", (twin) => {
  for (const [name, algorithm] of [
    ["gzip", 2],
    ["deflate", 1],
  ] as const) {
    it(`are read: ${name}, unary`, async () => {
      const served = await twin.serve({ unary: echo });
      const client = served.connect(undefined, { "grpc.default_compression_algorithm": algorithm });
      const message = { text: "again and ".repeat(1000) };
      expect((await client.unary(message)).messages).to.deep.equal([message]);
    });

    it(`are read: ${name}, a stream in order`, async () => {
      const served = await twin.serve({
        bidi: (call) => {
          call.on("data", (message: Message) => call.write(message));
          call.on("end", () => call.end());
        },
      });
      const client = served.connect(undefined, { "grpc.default_compression_algorithm": algorithm });
      // Large and small ones take turns: what takes longer to read must not fall back.
      const texts = Array.from({ length: 30 }, (_, index) =>
        `${index} `.repeat(index % 2 === 0 ? 20_000 : 1),
      );
      expect((await client.bidi(texts)).messages.map(({ text }) => text)).to.deep.equal(texts);
    });
  }

  it("may be mixed with others that are not", async () => {
    const texts: string[] = [];
    const { request } = await (
      await twin.serve({
        clientStream: (call, callback) => {
          call.on("data", ({ text }: Message) => texts.push(text));
          call.on("end", () => callback(null, { text: "" }));
        },
      })
    ).wire();
    const gzipped = (text: string) => envelope(gzipSync(serialize({ text })), COMPRESSED);
    const body = Buffer.concat([gzipped("a"), envelope({ text: "b" }), gzipped("c")]);
    const headers = { ":path": service.ClientStream.path, "grpc-encoding": "gzip" };
    expect(statusOf(await request(headers, body))[0]).to.equal(status.OK);
    expect(texts).to.deep.equal(["a", "b", "c"]);
  });

  it("of deflate have zlib's header", async () => {
    const { request } = await (await twin.serve({ unary: echo })).wire();
    const body = envelope(deflateSync(serialize({ text: "a" })), COMPRESSED);
    const answer = await request({ "grpc-encoding": "deflate" }, body);
    expect(statusOf(answer)[0]).to.equal(status.OK);
    expect(deserialize(answer.body.subarray(5))).to.deep.equal({ text: "a" });
  });

  it("are UNIMPLEMENTED in an encoding that there is not", async () => {
    const { request } = await (await twin.serve({ unary: echo })).wire();
    const answer = await request({ "grpc-encoding": "snappy" }, envelope({ text: "a" }, COMPRESSED));
    expect(statusOf(answer)[0]).to.equal(status.UNIMPLEMENTED);
  });

  it("are INTERNAL when they are corrupt", async () => {
    const { request } = await (await twin.serve({ unary: echo })).wire();
    const answer = await request({ "grpc-encoding": "gzip" }, envelope(Buffer.from("no gzip"), COMPRESSED));
    expect(statusOf(answer)[0]).to.equal(status.INTERNAL);
  });

  it("are INTERNAL when no encoding was named", async () => {
    const { request } = await (await twin.serve({ unary: echo })).wire();
    const answer = await request({}, envelope({ text: "a" }, COMPRESSED));
    expect(statusOf(answer)[0]).to.equal(
      twin.expected<number>({
        grpcJs: status.OK,
        ours: status.INTERNAL,
        why: "gRPC's doc/compression.md asks for INTERNAL",
      }),
    );
  });

  it("are measured as they are without compression", async () => {
    const options = { "grpc.max_receive_message_length": 1000 };
    const { request } = await (await twin.serve({ unary: echo }, { options })).wire();
    const bomb = gzipSync(serialize({ text: "x".repeat(100_000) }));
    const answer = await request({ "grpc-encoding": "gzip" }, envelope(bomb, COMPRESSED));
    expect(statusOf(answer)).to.deep.equal([
      status.RESOURCE_EXHAUSTED,
      "Received message that decompresses to a size larger than 1000",
    ]);
  });

  it("leave other calls of the connection alone when they are corrupt", async () => {
    const { request } = await (await twin.serve({ unary: echo })).wire();
    const headers = { "grpc-encoding": "gzip" };
    const [bad, good] = await Promise.all([
      request(headers, envelope(gzipSync("x").subarray(0, 12), COMPRESSED)),
      request(headers, envelope(gzipSync(serialize({ text: "a" })), COMPRESSED)),
    ]);
    expect([statusOf(bad)[0], statusOf(good)[0]]).to.deep.equal([status.INTERNAL, status.OK]);
  });
});

describeTwins("replies", (twin) => {
  it("are compressed for a client that compresses", async () => {
    const { request } = await (await twin.serve({ unary: echo })).wire();
    const message = { text: "again and ".repeat(1000) };
    const body = envelope(gzipSync(serialize(message)), COMPRESSED);
    const answer = await request({ "grpc-encoding": "gzip", "grpc-accept-encoding": "gzip" }, body);
    expect([answer.headers["grpc-encoding"], answer.body[0]]).to.deep.equal(
      twin.expected<unknown[]>({
        grpcJs: ["identity", 0],
        ours: ["gzip", 1],
        why: "grpc-js never compresses",
      }),
    );
    const content = answer.body.subarray(5);
    expect(deserialize(answer.body[0] === 1 ? gunzipSync(content) : content)).to.deep.equal(message);
  });

  it("are not compressed for a client that does not compress", async () => {
    const { request } = await (await twin.serve({ unary: echo })).wire();
    const body = envelope({ text: "again and ".repeat(1000) });
    const answer = await request({ "grpc-accept-encoding": "gzip" }, body);
    expect(answer.body[0]).to.equal(0);
  });

  it("are sent plainly although the option of a client is given to the server", async () => {
    const options = { "grpc.default_compression_algorithm": 2 };
    const { request } = await (await twin.serve({ unary: echo }, { options })).wire();
    const body = envelope({ text: "again and ".repeat(1000) });
    const answer = await request({ "grpc-accept-encoding": "gzip" }, body);
    expect(answer.body).to.deep.equal(body);
  });
});
