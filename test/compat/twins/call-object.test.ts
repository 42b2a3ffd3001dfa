import { Metadata, status } from "@grpc/grpc-js";
import { describeTwins, signal, type Twin, testCertificate, toRecord } from "./twin.ts";

// biome-ignore lint/suspicious/noExplicitAny: handlers of both servers, as users of JavaScript write them
type Any = any;

/** What a unary handler finds out about its call. */
async function ask(twin: Twin, question: (call: Any) => unknown, settings = {}): Promise<unknown> {
  const answer = signal<unknown>();
  await twin.serve({
    unary(call: Any, callback: Any) {
      answer.set(question(call));
      callback(null, "");
    },
  });
  await twin.call("Unary", "a", settings);
  return answer.done;
}

describeTwins("what a handler's call says", (same) => {
  same("getPath", (twin) => ask(twin, (call) => call.getPath()), "/test.Echo/Unary");
  same(
    "getHost",
    async (twin) => (await ask(twin, (call) => call.getHost())) === `127.0.0.1:${twin.port}`,
    true,
  );
  same(
    "getHost with an authority",
    async (twin) => {
      twin.clientOptions = { "grpc.default_authority": "echo.example" };
      return ask(twin, (call) => call.getHost());
    },
    "echo.example",
  );
  same(
    "getPeer",
    async (twin) => /^127\.0\.0\.1:\d+$/.test(String(await ask(twin, (call) => call.getPeer()))),
    true,
  );
  same(
    "getDeadline without one",
    (twin) => ask(twin, (call) => call.getDeadline()),
    Number.POSITIVE_INFINITY,
  );
  same(
    "getDeadline with one",
    async (twin) => {
      const deadline = Date.now() + 60_000;
      const seen = (await ask(twin, (call) => call.getDeadline(), { options: { deadline } })) as Date;
      return Math.abs(seen.valueOf() - deadline) < 5000;
    },
    true,
  );
  same("getAuthContext in plaintext", (twin) => ask(twin, (call) => call.getAuthContext()), {});
  same("cancelled, while it runs", (twin) => ask(twin, (call) => call.cancelled), false);
  same(
    "metadata of the client",
    (twin) =>
      ask(
        twin,
        (call) => {
          const { "user-agent": agent, ...rest } = toRecord(call.metadata);
          return [/^grpc-node-js/.test(String(agent)), rest];
        },
        {
          metadata: [
            ["x-one", "1"],
            ["x-two", "a"],
            ["x-two", "b"],
            ["x-bytes-bin", Buffer.from([0, 255])],
          ],
        },
      ),
    [true, { "x-bytes-bin": "bytes 00ff", "x-one": "1", "x-two": "a, b" }],
  );
  same(
    "metadata without what is the protocol's",
    (twin) =>
      ask(
        twin,
        (call) => {
          const keys = [
            "grpc-timeout",
            "grpc-encoding",
            "grpc-accept-encoding",
            "accept-encoding",
            "te",
            "content-type",
          ];
          return keys.filter((key) => call.metadata.get(key).length > 0);
        },
        { options: { deadline: Date.now() + 60_000 } },
      ),
    [],
  );
  same(
    "metadata is grpc-js's own class",
    (twin) => ask(twin, (call) => call.metadata instanceof Metadata),
    true,
  );
  same(
    "metadata with keys of tracing",
    (twin) =>
      ask(twin, (call) => toRecord(call.metadata)["grpc-trace-bin"], {
        metadata: [["grpc-trace-bin", Buffer.from([7])]],
      }),
    "bytes 07",
  );
  same(
    "its events come from an EventEmitter",
    (twin) => ask(twin, (call) => [typeof call.on, typeof call.emit, typeof call.removeListener]),
    ["function", "function", "function"],
  );
});

describeTwins("the event 'cancelled'", (same) => {
  for (const name of ["unary", "gather", "scatter", "chat"] as const) {
    const method = (name[0].toUpperCase() + name.slice(1)) as "Unary";
    same(
      `comes when the client cancels (${name})`,
      async (twin) => {
        const begun = signal();
        const cancelled = signal<unknown>();
        await twin.serve({
          [name](call: Any) {
            call.on("error", () => {});
            call.on("cancelled", (argument: unknown) => cancelled.set([argument, call.cancelled]));
            begun.set();
          },
        });
        const { path, requestSerialize, responseDeserialize } = (await import("./twin.ts")).echo[method];
        const call = twin.client.makeBidiStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          new Metadata(),
          {},
        );
        call.on("error", () => {}).on("data", () => {});
        call.write("a");
        call.end();
        await begun.done;
        call.cancel();
        return cancelled.done;
      },
      ["cancelled", true],
    );
    same(
      `comes after a call that ended well, too (${name})`,
      async (twin) => {
        const cancelled = signal<unknown>();
        await twin.serve({
          [name](call: Any, callback: Any) {
            call.on("cancelled", () => cancelled.set(call.cancelled));
            if (callback) callback(null, "x");
            else call.end();
          },
        });
        const { code } = await twin.call(method, "a");
        return [code, await cancelled.done];
      },
      [status.OK, true],
    );
  }
  same(
    "comes when the connection is lost",
    async (twin) => {
      const begun = signal();
      const cancelled = signal<unknown>();
      await twin.serve({
        chat(call: Any) {
          call.on("error", () => {});
          call.on("cancelled", () => cancelled.set(call.cancelled));
          call.write("begun");
          begun.set();
        },
      });
      const call = twin.call("Chat", "a", { onReply: () => twin.client.close() });
      await begun.done;
      twin.server.forceShutdown();
      await call;
      return cancelled.done;
    },
    true,
  );
  same(
    "streams are destroyed then",
    async (twin) => {
      const closed = signal<unknown>();
      await twin.serve({
        scatter(call: Any) {
          call.on("close", () => closed.set(call.destroyed));
          call.end();
        },
      });
      await twin.call("Scatter", "a");
      return closed.done;
    },
    true,
  );
});

describeTwins("getAuthContext over TLS", (same) => {
  same(
    "is empty without a client certificate",
    async (twin) => {
      const { ca, cert, key } = await testCertificate();
      twin.clientCredentials = (await import("@grpc/grpc-js")).credentials.createSsl(ca);
      twin.clientOptions = { "grpc.ssl_target_name_override": "localhost" };
      const seen = signal<unknown>();
      const credentials = twin.grpc.ServerCredentials.createSsl(null, [
        { private_key: key, cert_chain: cert },
      ]);
      await twin.serve(
        {
          unary(call: Any, callback: Any) {
            seen.set(call.getAuthContext());
            callback(null, "");
          },
        },
        credentials,
      );
      await twin.call("Unary", "a");
      return seen.done;
    },
    {},
  );
  same(
    "has the certificate of the client",
    async (twin) => {
      const { ca, cert, key } = await testCertificate();
      twin.clientCredentials = (await import("@grpc/grpc-js")).credentials.createSsl(ca, key, cert);
      twin.clientOptions = { "grpc.ssl_target_name_override": "localhost" };
      const seen = signal<unknown>();
      const credentials = twin.grpc.ServerCredentials.createSsl(
        ca,
        [{ private_key: key, cert_chain: cert }],
        true,
      );
      await twin.serve(
        {
          unary(call: Any, callback: Any) {
            const { transportSecurityType, sslPeerCertificate } = call.getAuthContext();
            seen.set([
              transportSecurityType,
              Buffer.isBuffer(sslPeerCertificate.raw),
              /localhost/.test(sslPeerCertificate.subjectaltname),
              typeof sslPeerCertificate.fingerprint256,
              typeof sslPeerCertificate.subject,
            ]);
            callback(null, "");
          },
        },
        credentials,
      );
      await twin.call("Unary", "a");
      return seen.done;
    },
    ["ssl", true, true, "string", "object"],
  );
});
