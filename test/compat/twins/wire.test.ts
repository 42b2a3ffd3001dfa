import { connect as connectHttp2 } from "node:http2";
import * as real from "@grpc/grpc-js";
import { type Any, upper } from "./calls.ts";
import { describeTwins, echo, type Twin } from "./twin.ts";

describeTwins("on the wire", (same) => {
  const ask = async (twin: Twin, headers: Any, body?: Buffer) => {
    twin.add(upper);
    twin.port = await twin.bind();
    const session = connectHttp2(`http://127.0.0.1:${twin.port}`);
    const request = session.request(headers, { endStream: body === undefined });
    if (body !== undefined) request.end(body);
    const answer = await new Promise<Any>((resolve) => request.on("response", resolve));
    request.on("error", () => {});
    session.destroy();
    return answer;
  };
  for (const [name, headers] of [
    ["GET / without a content-type", { ":path": "/" }],
    ["another content-type", { ":method": "POST", ":path": "/", "content-type": "application/json" }],
    ["text", { ":method": "POST", ":path": "/test.Echo/Unary", "content-type": "text/plain" }],
  ] as const) {
    same(`${name}: 415`, async (twin) => (await ask(twin, headers))[":status"], 415);
  }
  same(
    "application/grpc-web: 415",
    async (twin) =>
      (
        await ask(twin, {
          ":method": "POST",
          ":path": "/test.Echo/Unary",
          "content-type": "application/grpc-web",
        })
      )[":status"],
    200,
    { answer: 415, because: "gRPC-Web is another protocol" },
  );
  same(
    "an unknown method: a status in the headers",
    async (twin) => {
      const answer = await ask(twin, {
        ":method": "POST",
        ":path": "/x.Y/Z",
        "content-type": "application/grpc",
        te: "trailers",
      });
      return [answer[":status"], answer["grpc-status"], answer["grpc-message"]];
    },
    [200, "12", "The server does not implement the method /x.Y/Z"],
  );
  same(
    "an answer accepts what the server can read",
    async (twin) => {
      const answer = await ask(
        twin,
        {
          ":method": "POST",
          ":path": "/test.Echo/Unary",
          "content-type": "application/grpc",
          te: "trailers",
        },
        Buffer.from([0, 0, 0, 0, 1, 97]),
      );
      return [answer[":status"], String(answer["grpc-accept-encoding"]).split(",").sort()];
    },
    [200, ["deflate", "gzip", "identity"]],
  );
  same(
    "two requests of a unary method are UNIMPLEMENTED",
    async (twin) => {
      await twin.serve(upper);
      const call = twin.client.makeBidiStreamRequest(
        echo.Unary.path,
        echo.Unary.requestSerialize,
        echo.Unary.responseDeserialize,
        new real.Metadata(),
        {},
      );
      const status = new Promise<Any>((resolve) => call.on("status", resolve));
      call.on("data", () => {}).on("error", () => {});
      call.write("a");
      call.write("b");
      call.end();
      return (await status).code;
    },
    12,
  );
  same(
    "no request of a unary method is UNIMPLEMENTED",
    async (twin) => {
      await twin.serve(upper);
      return (await twin.call("Unary", [])).code;
    },
    12,
  );
});
