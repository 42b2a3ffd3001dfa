import * as real from "@grpc/grpc-js";
import { describeTwins, signal, type Twin } from "./twin.ts";

// biome-ignore lint/suspicious/noExplicitAny: handlers and interceptors of both servers, as users of JavaScript write them
type Any = any;

const upper = { unary: (call: Any, callback: Any) => callback(null, call.request.toUpperCase()) };
const chat = {
  chat(call: Any) {
    call.on("data", (text: string) => call.write(`${text}!`));
    call.on("end", () => call.end());
  },
};

/** Notes down every event of a call with a name before it. */
const logging = (name: string, log: string[]) => (definition: Any, call: Any) =>
  new real.ServerInterceptingCall(call, {
    start: (next) => {
      log.push(`${name} start ${definition.path.slice(11)}`);
      next({
        onReceiveMetadata: (metadata, pass) => {
          log.push(`${name} metadata`);
          pass(metadata);
        },
        onReceiveMessage: (message, pass) => {
          log.push(`${name} message ${message}`);
          pass(message);
        },
        onReceiveHalfClose: (pass) => {
          log.push(`${name} half-close`);
          pass();
        },
        onCancel: () => log.push(`${name} cancel`),
      });
    },
    sendMetadata: (metadata, next) => {
      log.push(`${name} send metadata`);
      next(metadata);
    },
    sendMessage: (message, next) => {
      log.push(`${name} send ${message}`);
      next(message);
    },
    sendStatus: (status, next) => {
      log.push(`${name} send status ${status.code}`);
      next(status);
    },
  });

async function run(
  twin: Twin,
  interceptors: Any[],
  handlers: object,
  name: "Unary" | "Chat" | "Gather" | "Scatter" = "Unary",
  requests: string | string[] = "a",
  settings = {},
) {
  const other = twin.withOptions({ interceptors });
  await other.serve(handlers as Any);
  return other.call(name, requests, settings);
}

describeTwins("interceptors", (same) => {
  same(
    "hear every event of a unary call, in its order",
    async (twin) => {
      const log: string[] = [];
      const { messages } = await run(twin, [logging("i", log)], upper);
      return [messages, log.filter((line) => line !== "i cancel")];
    },
    [
      ["A"],
      [
        "i start Unary",
        "i metadata",
        "i message a",
        "i half-close",
        "i send metadata",
        "i send A",
        "i send status 0",
      ],
    ],
  );
  same(
    "are told 'cancel' at the end of every call",
    async (twin) => {
      const cancelled = signal();
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, { start: (next) => next({ onCancel: () => cancelled.set() }) });
      await run(twin, [interceptor], upper);
      await cancelled.done;
      return "told";
    },
    "told",
  );
  same(
    "stand one behind the other, and outbound the other way round",
    async (twin) => {
      const log: string[] = [];
      await run(twin, [logging("1", log), logging("2", log)], upper);
      return log.filter((line) => /message|send A|status/.test(line));
    },
    ["1 message a", "2 message a", "2 send A", "1 send A", "2 send status 0", "1 send status 0"],
  );
  same(
    "hear every message of a stream",
    async (twin) => {
      const log: string[] = [];
      const { messages } = await run(twin, [logging("i", log)], chat, "Chat", ["a", "b"]);
      return [
        messages,
        log.filter((line) => /message/.test(line)),
        log.filter((line) => /send [ab]/.test(line)),
      ];
    },
    [
      ["a!", "b!"],
      ["i message a", "i message b"],
      ["i send a!", "i send b!"],
    ],
  );
  same(
    "know the method",
    async (twin) => {
      const seen = signal<unknown>();
      const interceptor = (definition: Any, call: Any) => {
        const { path, requestStream, responseStream, requestDeserialize, responseSerialize } = definition;
        seen.set([
          path,
          requestStream,
          responseStream,
          requestDeserialize(Buffer.from("x")),
          String(responseSerialize("y")),
        ]);
        return new real.ServerInterceptingCall(call);
      };
      await run(twin, [interceptor], chat, "Chat");
      return seen.done;
    },
    ["/test.Echo/Chat", true, true, "x", "y"],
  );
  same(
    "without a responder change nothing",
    async (twin) =>
      (await run(twin, [(_d: Any, call: Any) => new real.ServerInterceptingCall(call)], upper)).messages,
    ["A"],
  );
  same(
    "change requests",
    async (twin) => {
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, {
          start: (next) => next({ onReceiveMessage: (message, pass) => pass(`${message}b`) }),
        });
      return (await run(twin, [interceptor], upper)).messages;
    },
    ["AB"],
  );
  same(
    "change replies",
    async (twin) => {
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, { sendMessage: (message, next) => next(`<${message}>`) });
      return (await run(twin, [interceptor], upper)).messages;
    },
    ["<A>"],
  );
  same(
    "change the client's metadata before the handler sees it",
    async (twin) => {
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, {
          start: (next) =>
            next({
              onReceiveMetadata: (metadata, pass) => {
                metadata.set("x-user", "ada");
                pass(metadata);
              },
            }),
        });
      return (
        await run(twin, [interceptor], {
          unary: (call: Any, callback: Any) => callback(null, String(call.metadata.get("x-user"))),
        })
      ).messages;
    },
    ["ada"],
  );
  same(
    "change the handler's metadata",
    async (twin) => {
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, {
          sendMetadata: (metadata, next) => {
            metadata.set("x-added", "1");
            next(metadata);
          },
        });
      return (await run(twin, [interceptor], upper)).headers;
    },
    { "x-added": "1" },
  );
  same(
    "change the status",
    async (twin) => {
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, {
          sendStatus: (status, next) => {
            const metadata = new real.Metadata();
            metadata.set("x-was", String(status.code));
            next({ code: 10, details: "changed", metadata });
          },
        });
      const { code, details, trailers } = await run(twin, [interceptor], {
        unary: (_call: Any, callback: Any) => callback({ code: 5, details: "gone" }),
      });
      return [code, details, trailers];
    },
    [10, "changed", { "x-was": "5" }],
  );
  same(
    "refuse a call before its handler",
    async (twin) => {
      let hasRun = false;
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, {
          start: (next) =>
            next({
              onReceiveMetadata: () => call.sendStatus({ code: 16, details: "who are you" }),
            }),
        });
      const { code, details } = await run(twin, [interceptor], { unary: () => (hasRun = true) });
      return [code, details, hasRun];
    },
    [16, "who are you", false],
  );
  same(
    "refuse a call by its message",
    async (twin) => {
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, {
          start: (next) =>
            next({
              onReceiveMessage: (message, pass) =>
                message === "bad" ? call.sendStatus({ code: 3, details: "bad" }) : pass(message),
            }),
        });
      const { code, messages } = await run(twin, [interceptor], upper, "Unary", "bad");
      return [code, messages];
    },
    [3, []],
  );
  same(
    "take their time with metadata: message and end wait",
    async (twin) => {
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, {
          start: (next) => next({ onReceiveMetadata: (metadata, pass) => setTimeout(pass, 10, metadata) }),
        });
      return (await run(twin, [interceptor], upper)).messages;
    },
    ["A"],
  );
  same(
    "take their time with a message",
    async (twin) => {
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, {
          start: (next) => next({ onReceiveMessage: (message, pass) => setTimeout(pass, 5, message) }),
        });
      return (await run(twin, [interceptor], chat, "Chat", ["a", "b"])).messages;
    },
    ["a!", "b!"],
  );
  same(
    "take their time with the answer: the status waits",
    async (twin) => {
      const interceptor = (_definition: Any, call: Any) =>
        new real.ServerInterceptingCall(call, {
          sendMessage: (message, next) => setTimeout(next, 10, message),
        });
      const { messages, code } = await run(twin, [interceptor], upper);
      return [messages, code];
    },
    [["A"], 0],
  );
  same(
    "made by the builders",
    async (twin) => {
      const { grpc } = twin;
      const log: string[] = [];
      const interceptor = (_definition: Any, call: Any) => {
        const listener = new grpc.ServerListenerBuilder()
          .withOnReceiveMetadata((metadata, next) => {
            log.push("metadata");
            next(metadata);
          })
          .withOnReceiveMessage((message, next) => {
            log.push("message");
            next(message);
          })
          .withOnReceiveHalfClose((next) => {
            log.push("half-close");
            next();
          })
          .withOnCancel(() => log.push("cancel"))
          .build();
        const responder = new grpc.ResponderBuilder()
          .withStart((next) => next(listener))
          .withSendMetadata((metadata, next) => {
            log.push("send metadata");
            next(metadata);
          })
          .withSendMessage((message, next) => {
            log.push("send message");
            next(message);
          })
          .withSendStatus((status, next) => {
            log.push("send status");
            next(status);
          })
          .build();
        return new grpc.ServerInterceptingCall(call, responder);
      };
      await run(twin, [interceptor], upper);
      return log.filter((line) => line !== "cancel");
    },
    ["metadata", "message", "half-close", "send metadata", "send message", "send status"],
  );
  same(
    "can ask the call",
    async (twin) => {
      const seen = signal<unknown>();
      const interceptor = (_definition: Any, call: Any) => {
        const { localAddress, remoteAddress, remotePort } = call.getConnectionInfo();
        const peer = call.getPeer() === `${remoteAddress}:${remotePort}`;
        seen.set([
          peer,
          localAddress,
          call.getDeadline(),
          /^127/.test(call.getHost()),
          call.getAuthContext(),
          typeof call.getMetricsRecorder(),
        ]);
        return new real.ServerInterceptingCall(call);
      };
      await run(twin, [interceptor], upper);
      return seen.done;
    },
    [true, "127.0.0.1", Number.POSITIVE_INFINITY, true, {}, "object"],
  );
  same(
    "of credentials come before the server's",
    async (twin) => {
      const log: string[] = [];
      const other = twin.withOptions({ interceptors: [logging("server", log)] });
      const { experimental, ServerCredentials } = twin.grpc;
      const credentials = experimental.createServerCredentialsWithInterceptors(
        ServerCredentials.createInsecure(),
        [logging("credentials", log) as Any],
      );
      await other.serve(upper, credentials);
      await other.call("Unary", "a");
      return log.filter((line) => /message/.test(line));
    },
    ["credentials message a", "server message a"],
  );
  same(
    "of credentials hold for their port only",
    async (twin) => {
      const log: string[] = [];
      const { experimental, ServerCredentials } = twin.grpc;
      const credentials = experimental.createServerCredentialsWithInterceptors(
        ServerCredentials.createInsecure(),
        [logging("c", log) as Any],
      );
      await twin.serve(upper);
      await twin.bind("127.0.0.1:0", credentials);
      await twin.call("Unary", "a");
      return log;
    },
    [],
  );
});
