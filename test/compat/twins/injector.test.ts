import { connect as connectHttp2 } from "node:http2";
import * as real from "@grpc/grpc-js";
import { type Any, hanging, upper } from "./calls.ts";
import { describeTwins, type Twin, testCertificate } from "./twin.ts";

describeTwins("a connection injector", (same) => {
  async function injecting(twin: Twin, handlers: Any, isSecure = false) {
    const { ca, cert, key } = await testCertificate();
    const { createServer } = await import("node:net");
    const { ServerCredentials } = twin.grpc;
    const credentials = isSecure
      ? ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }])
      : ServerCredentials.createInsecure();
    if (isSecure) {
      twin.clientCredentials = real.credentials.createSsl(ca);
      twin.clientOptions = { "grpc.ssl_target_name_override": "localhost" };
    }
    twin.add(handlers);
    const injector = twin.server.createConnectionInjector(credentials);
    const listener = createServer((socket) => injector.injectConnection(socket));
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    twin.port = (listener.address() as Any).port;
    return { injector, listener };
  }
  for (const isSecure of [false, true]) {
    same(
      `serves what it is given, ${isSecure ? "TLS" : "plaintext"}`,
      async (twin) => {
        const { listener } = await injecting(twin, upper, isSecure);
        const { messages } = await twin.call("Unary", "a");
        listener.close();
        return messages;
      },
      ["A"],
    );
  }
  same(
    "refuses channel credentials",
    (twin) => {
      try {
        twin.server.createConnectionInjector(real.credentials.createInsecure() as Any);
      } catch (error) {
        return (error as Error).message;
      }
      return "nothing";
    },
    "creds must be a ServerCredentials object",
  );
  same(
    "drain cancels after its grace",
    async (twin) => {
      const { injector, listener } = await injecting(
        twin,
        hanging(() => {}),
      );
      const { code } = await twin.call("Chat", "a", { onReply: () => injector.drain(10) });
      listener.close();
      return code;
    },
    1,
  );
  same(
    "destroy ends its idle connections",
    async (twin) => {
      const { injector, listener } = await injecting(twin, upper);
      const session = connectHttp2(`http://127.0.0.1:${twin.port}`);
      await new Promise((resolve) => session.once("remoteSettings", resolve));
      const isClosed = new Promise((resolve) => session.on("close", resolve));
      injector.destroy();
      await isClosed;
      listener.close();
      return "closed";
    },
    "closed",
  );
});
