import { connect as connectHttp2 } from "node:http2";
import { type Any, upper } from "./calls.ts";
import { describeTwins, type Twin } from "./twin.ts";

describeTwins("compression", (same) => {
  for (const [name, algorithm] of [
    ["gzip", 2],
    ["deflate", 1],
  ] as const) {
    same(
      `a client that uses ${name} is understood, and understands`,
      async (twin) => {
        twin.clientOptions = { "grpc.default_compression_algorithm": algorithm };
        await twin.serve({ chat: (call: Any) => call.pipe(call) });
        const { messages } = await twin.call("Chat", ["x".repeat(10_000), "small", "y".repeat(100_000)]);
        return messages.map((message) => message.length);
      },
      [10_000, 5, 100_000],
    );
  }
  /** The answer to a body over bare HTTP/2. */
  const raw = async (twin: Twin, encoding: string, body: Buffer) => {
    await twin.serve(upper);
    const session = connectHttp2(`http://127.0.0.1:${twin.port}`);
    const request = session.request({
      ":method": "POST",
      ":path": "/test.Echo/Unary",
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-encoding": encoding,
    });
    const answer = await new Promise<Any>((resolve) => {
      const all: Any = {};
      for (const event of ["response", "trailers"]) {
        request.on(event, (headers: Any) => {
          Object.assign(all, headers);
          if (headers["grpc-status"] !== undefined) resolve(all);
        });
      }
      request.on("error", () => {});
      request.end(body);
    });
    session.destroy();
    return answer;
  };
  same(
    "an unknown encoding is UNIMPLEMENTED, with those that are known",
    async (twin) => {
      const headers = await raw(twin, "snappy", Buffer.from([1, 0, 0, 0, 1, 97]));
      return [headers["grpc-status"], String(headers["grpc-accept-encoding"]).split(",").sort()];
    },
    ["12", ["undefined"]],
    { answer: ["12", ["deflate", "gzip", "identity"]], because: "the client learns what it may use" },
  );
  same(
    "corrupt bytes are INTERNAL",
    async (twin) => (await raw(twin, "gzip", Buffer.from([1, 0, 0, 0, 4, 1, 2, 3, 4])))["grpc-status"],
    "13",
  );
});
