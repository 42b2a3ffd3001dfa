import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { type handleUnaryCall, type ServerCredentials, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { certificates } from "./support/certificates.ts";
import { defer } from "./support/defer.ts";
import type { Message } from "./support/service.ts";
import { channel, createSsl, pair } from "./support/tls.ts";
import { describeTwins, type Served, type Twin } from "./support/twins.ts";

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

/** Answers with the name in the certificate of the client, and with the kind of security that it comes by. */
const whoAmI: handleUnaryCall<Message, Message> = (call, callback) => {
  const { transportSecurityType, sslPeerCertificate } = call.getAuthContext();
  callback(null, { text: `${transportSecurityType} ${sslPeerCertificate?.subject.CN}` });
};

const serveTls = (twin: Twin, creds: ServerCredentials): Promise<Served> =>
  twin.serve({ unary: whoAmI }, { credentials: creds });

describeTwins("ServerCredentials", (twin) => {
  it("are insecure when they are created so", () => {
    const creds = twin.grpc.ServerCredentials.createInsecure();
    expect(creds).to.be.instanceOf(twin.grpc.ServerCredentials);
    expect([
      creds._isSecure(),
      creds._getConstructorOptions(),
      creds._getSecureContextOptions(),
    ]).to.deep.equal([false, null, null]);
    expect(creds._getInterceptors()).to.deep.equal([]);
  });

  it("hold what they were created with", () => {
    const { authority, server } = certificates();
    const creds = createSsl(twin, true);
    expect(creds._isSecure()).to.equal(true);
    expect(creds._getConstructorOptions()).to.include({ requestCert: true });
    expect(creds._getSecureContextOptions()).to.deep.equal({
      ca: authority.certificate,
      cert: [server.certificate],
      key: [server.key],
    });
  });

  const bytes = Buffer.alloc(0);
  const wrong: [string, unknown[], string][] = [
    ["roots that are text", ["roots", []], "rootCerts must be null or a Buffer"],
    ["roots that are undefined", [undefined, []], "rootCerts must be null or a Buffer"],
    ["pairs that are no array", [null, {}], "keyCertPairs must be an array"],
    ["pairs that are null", [null, null], "keyCertPairs must be an array"],
    ["a check that is a number", [null, [], 1], "checkClientCertificate must be a boolean"],
    ["a pair of null", [null, [null]], "keyCertPair[0] must be an object"],
    [
      "a second pair that is text",
      [null, [{ cert_chain: bytes, private_key: bytes }, "x"]],
      "keyCertPair[1] must be an object",
    ],
    ["a pair without a key", [null, [{ cert_chain: bytes }]], "keyCertPair[0].private_key must be a Buffer"],
    [
      "a pair whose chain is text",
      [null, [{ private_key: bytes, cert_chain: "x" }]],
      "keyCertPair[0].cert_chain must be a Buffer",
    ],
  ];
  for (const [what, parameters, text] of wrong) {
    it(`refuse ${what}`, () => {
      const { createSsl } = twin.grpc.ServerCredentials as unknown as { createSsl(...all: unknown[]): void };
      expect(() => createSsl(...parameters)).to.throw(TypeError, text);
    });
  }

  it("equal others of the same content", () => {
    const { ServerCredentials, experimental } = twin.grpc;
    const { authority, renewed } = certificates();
    const interceptors = [() => null as never];
    const wrap = experimental.createServerCredentialsWithInterceptors;
    const equal = (a: ServerCredentials, b: ServerCredentials) => a._equals(b);
    expect([
      equal(ServerCredentials.createInsecure(), ServerCredentials.createInsecure()),
      equal(createSsl(twin), createSsl(twin)),
      equal(wrap(createSsl(twin), interceptors), wrap(createSsl(twin), interceptors)),
    ]).to.deep.equal([true, true, true]);
    expect([
      equal(ServerCredentials.createInsecure(), createSsl(twin)),
      equal(createSsl(twin), createSsl(twin, true)),
      equal(createSsl(twin), ServerCredentials.createSsl(authority.certificate, [pair(renewed)])),
      equal(wrap(createSsl(twin), interceptors), wrap(createSsl(twin), [])),
      equal(wrap(createSsl(twin), interceptors), createSsl(twin)),
    ]).to.deep.equal([false, false, false, false, false]);
  });
});

describeTwins("a server with a certificate", (twin) => {
  it("serves over TLS, and asks its clients for no certificate", async () => {
    const served = await serveTls(twin, createSsl(twin));
    expect((await served.connect(channel(certificates().client)).unary()).messages).to.deep.equal([
      { text: "undefined undefined" },
    ]);
  });

  it("serves without roots of its own", async () => {
    const creds = twin.grpc.ServerCredentials.createSsl(null, [pair(certificates().server)]);
    const served = await serveTls(twin, creds);
    expect((await served.connect(channel()).unary()).code).to.equal(status.OK);
  });

  it("agrees on HTTP/2", async () => {
    const { port } = await serveTls(twin, createSsl(twin));
    const socket = connectTls({ port, ALPNProtocols: ["h2", "http/1.1"], rejectUnauthorized: false });
    twin.cleanUp(() => socket.destroy());
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).to.equal("h2");
  });

  it("turns plaintext away, and goes on", async () => {
    const served = await serveTls(twin, createSsl(twin));
    expect((await served.client.unary()).code).to.equal(
      twin.expected({
        grpcJs: status.UNAVAILABLE,
        ours: status.PERMISSION_DENIED,
        why: "it says that TLS is needed, where grpc-js hangs up and its client tries again and again",
      }),
    );
    expect((await served.connect(channel()).unary()).code).to.equal(status.OK);
  });

  it("tells who its client is, when it checks certificates", async () => {
    const served = await serveTls(twin, createSsl(twin, true));
    expect((await served.connect(channel(certificates().client)).unary()).messages).to.deep.equal([
      { text: "ssl client" },
    ]);
  });

  it("hands over the whole certificate of its client", async () => {
    const { client } = certificates();
    const received = defer<unknown>();
    const served = await twin.serve(
      {
        unary: (call, callback) => {
          const { sslPeerCertificate } = call.getAuthContext();
          received.resolve([
            Object.keys(sslPeerCertificate ?? {}),
            sslPeerCertificate?.raw.toString("base64"),
          ]);
          callback(null, call.request);
        },
      },
      { credentials: createSsl(twin, true) },
    );
    await served.connect(channel(client)).unary();
    const [keys, raw] = (await received.promise) as [string[], string];
    expect(keys).to.include.members([
      "subject",
      "issuer",
      "valid_from",
      "valid_to",
      "fingerprint256",
      "serialNumber",
    ]);
    const base64 = client.certificate.toString().replace(/-----[A-Z ]+-----|\n/g, "");
    expect(raw).to.equal(base64);
  });

  it("turns away clients without a certificate, when it checks them", async () => {
    const served = await serveTls(twin, createSsl(twin, true));
    expect((await served.connect(channel()).unary()).code).to.equal(status.UNAVAILABLE);
  });

  it("turns away clients whose certificate nobody vouches for", async () => {
    const served = await serveTls(twin, createSsl(twin, true));
    const outcome = await served.connect(channel(certificates().stranger)).unary();
    expect(outcome.code).to.equal(status.UNAVAILABLE);
  });
});

describeTwins("a server without a certificate", (twin) => {
  it("knows nothing of its clients", async () => {
    const { client } = await twin.serve({ unary: whoAmI });
    expect((await client.unary()).messages).to.deep.equal([{ text: "undefined undefined" }]);
  });

  it("turns TLS away, and goes on", async () => {
    const served = await twin.serve({ unary: echo });
    expect((await served.connect(channel()).unary()).code).to.equal(status.UNAVAILABLE);
    expect((await served.client.unary()).code).to.equal(status.OK);
  });
});
