import { connect as connectHttp2 } from "node:http2";
import { type Any, upper } from "./calls.ts";
import { describeTwins } from "./twin.ts";

describeTwins("options", (same) => {
  same(
    "grpc.max_receive_message_length",
    async (twin) => {
      const other = twin.withOptions({ "grpc.max_receive_message_length": 100 });
      await other.serve(upper);
      const [fits, larger] = [
        await other.call("Unary", "x".repeat(100)),
        await other.call("Unary", "x".repeat(101)),
      ];
      return [fits.code, larger.code, larger.details];
    },
    [0, 8, "Received message larger than max (101 vs 100)"],
  );
  same(
    "the default is 4 MiB",
    async (twin) => {
      await twin.serve({ unary: (_call: Any, callback: Any) => callback(null, "x") });
      const size = 4 * 1024 * 1024;
      return [
        (await twin.call("Unary", "x".repeat(size))).code,
        (await twin.call("Unary", "x".repeat(size + 1))).code,
      ];
    },
    [0, 8],
  );
  same(
    "-1 is no limit",
    async (twin) => {
      const other = twin.withOptions({ "grpc.max_receive_message_length": -1 });
      await other.serve({ unary: (_call: Any, callback: Any) => callback(null, "x") });
      return (await other.call("Unary", "x".repeat(5_000_000))).code;
    },
    0,
  );
  same(
    "grpc.max_send_message_length",
    async (twin) => {
      const other = twin.withOptions({ "grpc.max_send_message_length": 100 });
      await other.serve({ unary: (call: Any, callback: Any) => callback(null, call.request) });
      const [fits, larger] = [
        await other.call("Unary", "x".repeat(100)),
        await other.call("Unary", "x".repeat(101)),
      ];
      return [fits.code, larger.code, /^Sent message larger than max/.test(larger.details)];
    },
    [0, 8, true],
  );
  same(
    "grpc.max_concurrent_streams is told to clients",
    async (twin) => {
      const other = twin.withOptions({ "grpc.max_concurrent_streams": 7 });
      await other.serve(upper);
      const session = connectHttp2(`http://127.0.0.1:${other.port}`);
      const settings = await new Promise<Any>((resolve) => session.on("remoteSettings", resolve));
      session.destroy();
      return settings.maxConcurrentStreams;
    },
    7,
  );
  for (const [option, value] of [
    ["grpc.max_connection_age_ms", 50],
    ["grpc.max_connection_idle_ms", 50],
  ] as const) {
    same(
      `${option}: the client is sent away`,
      async (twin) => {
        const other = twin.withOptions({ [option]: value });
        await other.serve(upper);
        const session = connectHttp2(`http://127.0.0.1:${other.port}`);
        const [code] = await new Promise<Any>((resolve) => session.on("goaway", (...args) => resolve(args)));
        session.destroy();
        return code;
      },
      0,
    );
  }
  same(
    "grpc.keepalive_time_ms: the server pings",
    async (twin) => {
      const other = twin.withOptions({ "grpc.keepalive_time_ms": 30 });
      await other.serve(upper);
      const session = connectHttp2(`http://127.0.0.1:${other.port}`);
      await new Promise((resolve) => session.on("ping", resolve));
      session.destroy();
      return "pinged";
    },
    "pinged",
  );
  same(
    "unknown ones are accepted",
    ({ grpc }) => new grpc.Server({ "x.y": 1, "grpc.http2.max_frame_size": 2 } as Any) instanceof grpc.Server,
    true,
  );
});
