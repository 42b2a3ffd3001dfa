import { connect as connectHttp2 } from "node:http2";
import { type Any, upper } from "./calls.ts";
import { describeTwins, signal, type Twin } from "./twin.ts";

describeTwins("deadlines", (same) => {
  const soon = () => ({ options: { deadline: Date.now() + 60 } });
  for (const name of ["Unary", "Chat", "Gather", "Scatter"] as const) {
    same(
      `end a call of ${name} that takes too long, and cancel its handler`,
      async (twin) => {
        const cancelled = signal<unknown>();
        const handler = (call: Any) => {
          call.on("error", () => {});
          call.on("cancelled", () => cancelled.set(call.cancelled));
        };
        await twin.serve({ unary: handler, chat: handler, gather: handler, scatter: handler });
        const { code } = await twin.call(name, "a", soon());
        return [code, await cancelled.done];
      },
      [4, true],
    );
  }
  /** A unary call with this grpc-timeout, over bare HTTP/2. */
  const withTimeout = async (twin: Twin, timeout: string, handlers: object = upper) => {
    await twin.serve(handlers as Any);
    const session = connectHttp2(`http://127.0.0.1:${twin.port}`);
    const request = session.request({
      ":method": "POST",
      ":path": "/test.Echo/Unary",
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": timeout,
    });
    const status = await new Promise<string>((resolve) => {
      for (const event of ["response", "trailers"]) {
        request.on(
          event,
          (headers: Any) =>
            headers["grpc-status"] !== undefined &&
            resolve(`${headers["grpc-status"]} ${headers["grpc-message"] ?? ""}`),
        );
      }
      request.on("error", () => {});
      request.end(Buffer.from([0, 0, 0, 0, 1, 97]));
    });
    session.destroy();
    return status;
  };
  same(
    "in every unit",
    async (twin) => {
      const answers = [];
      for (const timeout of ["10S", "1M", "1H", "60000m", "60000000u"])
        answers.push(await withTimeout(twin.withOptions({}), timeout));
      return answers.map((answer) => answer[0]);
    },
    ["0", "0", "0", "0", "0"],
  );
  same(
    "of many hours do not overflow",
    async (twin) =>
      (
        await withTimeout(twin, "100000H", {
          unary: (_call: Any, callback: Any) => setTimeout(callback, 50, null, "x"),
        })
      )[0],
    "4",
    {
      answer: "0",
      because: "a long deadline is not an instant one",
    },
  );
  same(
    "that cannot be read are INTERNAL",
    async (twin) => (await withTimeout(twin, "soon")).split(" ")[0],
    "13",
  );
});
