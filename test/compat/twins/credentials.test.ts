import * as real from "@grpc/grpc-js";
import { type Any, upper } from "./calls.ts";
import { callWith, describeTwins, type Twin, testCertificate } from "./twin.ts";

describeTwins("credentials", (same) => {
  const secure = async (twin: Twin) => {
    const { ca } = await testCertificate();
    twin.clientCredentials = real.credentials.createSsl(ca);
    twin.clientOptions = { "grpc.ssl_target_name_override": "localhost" };
  };
  const mutual = async (twin: Twin) => {
    const { ca, cert, key } = await testCertificate();
    twin.clientCredentials = real.credentials.createSsl(ca, key, cert);
    twin.clientOptions = { "grpc.ssl_target_name_override": "localhost" };
  };
  same(
    "TLS serves",
    async (twin) => {
      const { cert, key } = await testCertificate();
      await secure(twin);
      await twin.serve(
        upper,
        twin.grpc.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }]),
      );
      return twin.short("Unary", "a");
    },
    ["A"],
  );
  same(
    "TLS turns plaintext away",
    async (twin) => {
      const { cert, key } = await testCertificate();
      await twin.serve(
        upper,
        twin.grpc.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }]),
      );
      return (await twin.call("Unary", "a")).code !== 0;
    },
    true,
  );
  same(
    "plaintext turns TLS away",
    async (twin) => {
      await secure(twin);
      await twin.serve(upper);
      return (await twin.call("Unary", "a")).code;
    },
    14,
  );
  for (const [name, prepare, code] of [
    ["with", mutual, 0],
    ["without", secure, 14],
  ] as const) {
    same(
      `a client ${name} a certificate, where one is asked for`,
      async (twin) => {
        const { ca, cert, key } = await testCertificate();
        await prepare(twin);
        await twin.serve(
          upper,
          twin.grpc.ServerCredentials.createSsl(ca, [{ private_key: key, cert_chain: cert }], true),
        );
        return (await twin.call("Unary", "a")).code;
      },
      code,
    );
  }
  same(
    "grpc-js's own objects are taken",
    async (twin) => {
      const { cert, key } = await testCertificate();
      await secure(twin);
      await twin.serve(
        upper,
        real.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }]),
      );
      return twin.short("Unary", "a");
    },
    ["A"],
  );
  same(
    "a class of the user's own may change them while it serves",
    async (twin) => {
      const { cert, key } = await testCertificate();
      await secure(twin);
      class Toggled extends real.ServerCredentials {
        constructor() {
          super({});
          this.turn(true);
        }
        turn(isOn: boolean) {
          this.updateSecureContextOptions(isOn ? { cert, key } : null);
        }
        get watching() {
          return this.getWatcherCount();
        }
        override _isSecure() {
          return true;
        }
        override _equals(other: Any) {
          return this === other;
        }
      }
      const credentials = new Toggled();
      await twin.serve(upper, credentials);
      const codes: number[] = [];
      for (const isOn of [true, false, true]) {
        credentials.turn(isOn);
        codes.push((await callWith(twin.newClient(`127.0.0.1:${twin.port}`), "Unary", "a", {})).code);
      }
      return [codes, credentials.watching > 0];
    },
    [[0, 14, 0], true],
  );
  same(
    "nobody watches them after unbind",
    async (twin) => {
      const { cert, key } = await testCertificate();
      class Watched extends real.ServerCredentials {
        constructor() {
          super({}, { cert, key });
        }
        get watching() {
          return this.getWatcherCount();
        }
        override _isSecure() {
          return true;
        }
        override _equals(other: Any) {
          return this === other;
        }
      }
      const credentials = new Watched();
      await twin.serve(upper, credentials);
      twin.server.unbind(`127.0.0.1:${twin.port}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return credentials.watching;
    },
    0,
  );
});
