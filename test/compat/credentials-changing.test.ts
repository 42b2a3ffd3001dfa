import { createRequire } from "node:module";
import type { SecureContextOptions } from "node:tls";
import { type experimental, type handleUnaryCall, type ServerCredentials, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { certificates, type Identity } from "./support/certificates.ts";
import { defer } from "./support/defer.ts";
import { type Message, service, untyped } from "./support/service.ts";
import { channel, contextOf, shownBy } from "./support/tls.ts";
import { bind, describeTwins, type Served, shutDown, type Twin } from "./support/twins.ts";

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

/** Answers with the name in the certificate of the client, and with the kind of security that it comes by. */
const whoAmI: handleUnaryCall<Message, Message> = (call, callback) => {
  const { transportSecurityType, sslPeerCertificate } = call.getAuthContext();
  callback(null, { text: `${transportSecurityType} ${sslPeerCertificate?.subject.CN}` });
};

const serveTls = (twin: Twin, creds: ServerCredentials): Promise<Served> =>
  twin.serve({ unary: whoAmI }, { credentials: creds });

/** Credentials as users write them, for certificates that change. */
function changing(twin: Twin, constructorOptions: object = {}) {
  return new (class extends twin.grpc.ServerCredentials {
    constructor() {
      super(constructorOptions);
    }
    use(context: SecureContextOptions | null): void {
      this.updateSecureContextOptions(context);
    }
    get watcherCount(): number {
      return this.getWatcherCount();
    }
    override _equals(other: ServerCredentials): boolean {
      return other === (this as ServerCredentials);
    }
  })();
}

describeTwins("credentials of a user's own class", (twin) => {
  it("let nobody in until they have a certificate", async () => {
    const creds = changing(twin);
    const { port } = await serveTls(twin, creds);
    expect(await shownBy(port)).to.equal(null);
    creds.use(contextOf(certificates().server));
    expect(await shownBy(port)).to.equal("localhost");
  });

  it("can change their certificate", async () => {
    const creds = changing(twin);
    creds.use(contextOf(certificates().server));
    const served = await serveTls(twin, creds);
    creds.use(contextOf(certificates().renewed));
    expect(await shownBy(served.port)).to.equal("renewed");
    expect((await served.connect(channel()).unary()).code).to.equal(status.OK);
  });

  it("can take their certificate back", async () => {
    const creds = changing(twin);
    creds.use(contextOf(certificates().server));
    const { port } = await serveTls(twin, creds);
    expect(await shownBy(port)).to.equal("localhost");
    creds.use(null);
    expect(await shownBy(port)).to.equal(null);
  });

  it("leave connections alone when they change", async () => {
    const creds = changing(twin);
    creds.use(contextOf(certificates().server));
    const served = await serveTls(twin, creds);
    const client = served.connect(channel());
    await client.unary();
    creds.use(null);
    expect((await client.unary()).code).to.equal(status.OK);
  });

  it("are watched while their port is bound", async () => {
    const creds = changing(twin);
    creds.use(contextOf(certificates().server));
    const server = twin.createServer();
    const before = creds.watcherCount;
    const port = await bind(server, "127.0.0.1:0", creds);
    const bound = creds.watcherCount;
    server.unbind(`127.0.0.1:${port}`);
    await shutDown(server);
    expect([before, bound, creds.watcherCount]).to.deep.equal([0, 1, 0]);
  });

  it("can ask for certificates that they do not insist on", async () => {
    const creds = changing(twin, { requestCert: true, rejectUnauthorized: false });
    creds.use(contextOf(certificates().server));
    const served = await serveTls(twin, creds);
    const { client, stranger } = certificates();
    const texts: string[] = [];
    for (const own of [client, stranger, undefined]) {
      const { messages } = await served.connect(channel(own)).unary();
      texts.push(...messages.map(({ text }) => text));
    }
    expect(texts).to.deep.equal(["ssl client", "undefined undefined", "undefined undefined"]);
  });

  it("decide whether two bindings are the same", async () => {
    const [first, second] = [changing(twin), changing(twin)];
    const server = twin.createServer();
    const port = await bind(server, "127.0.0.1:0", first);
    expect(await bind(server, `127.0.0.1:${port}`, first)).to.equal(port);
    const again = await bind(server, `127.0.0.1:${port}`, second).catch((error: Error) => error.message);
    expect(again).to.equal(`127.0.0.1:${port} already bound with incompatible credentials`);
  });
});

/** A provider of certificates whose updates a case gives by hand. */
class HandProvider implements experimental.CertificateProvider {
  private readonly identities = new Set<experimental.IdentityCertificateUpdateListener>();
  private readonly authorities = new Set<experimental.CaCertificateUpdateListener>();
  private identity: experimental.IdentityCertificateUpdate | null = null;

  get listenerCount(): number {
    return this.identities.size + this.authorities.size;
  }

  use(identity: Identity | null): void {
    const { certificate, key } = identity ?? {};
    this.identity = certificate === undefined || key === undefined ? null : { certificate, privateKey: key };
    for (const listener of this.identities) listener(this.identity);
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.identities.add(listener);
    listener(this.identity);
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.identities.delete(listener);
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.authorities.add(listener);
    listener({ caCertificate: certificates().authority.certificate });
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.authorities.delete(listener);
  }
}

/** The server's certificate is in use before its port is bound. */
function provided(twin: Twin, requireClient: boolean, withAuthority = true) {
  const provider = new HandProvider();
  const create = twin.grpc.experimental.createCertificateProviderServerCredentials;
  return { provider, creds: create(provider, withAuthority ? provider : null, requireClient) };
}

describeTwins("credentials of a certificate provider", (twin) => {
  it("let nobody in until the provider has a certificate", async () => {
    const { provider, creds } = provided(twin, false);
    const { port } = await serveTls(twin, creds);
    expect(await shownBy(port)).to.equal(null);
    provider.use(certificates().server);
    expect(await shownBy(port)).to.equal("localhost");
  });

  it("follow the provider to another certificate", async () => {
    const { provider, creds } = provided(twin, false, false);
    const { port } = await serveTls(twin, creds);
    provider.use(certificates().server);
    const first = await shownBy(port);
    provider.use(certificates().renewed);
    expect([first, await shownBy(port)]).to.deep.equal(["localhost", "renewed"]);
  });

  it("outlive an update that could not be read", async () => {
    const { provider, creds } = provided(twin, false);
    const { port } = await serveTls(twin, creds);
    provider.use(certificates().server);
    await shownBy(port);
    provider.use(null);
    expect(await shownBy(port)).to.equal(
      twin.expected({
        grpcJs: null,
        ours: "localhost",
        why: "one failed read destroys every new connection of grpc-js",
      }),
    );
  });

  it("ask for the certificates of clients", async () => {
    const { provider, creds } = provided(twin, false);
    const served = await serveTls(twin, creds);
    provider.use(certificates().server);
    const { client, stranger } = certificates();
    const texts: string[] = [];
    for (const own of [client, stranger, undefined]) {
      const { messages } = await served.connect(channel(own)).unary();
      texts.push(...messages.map(({ text }) => text));
    }
    expect(texts).to.deep.equal(["ssl client", "undefined undefined", "undefined undefined"]);
  });

  it("insist on the certificates of clients", async () => {
    const { provider, creds } = provided(twin, true);
    const served = await serveTls(twin, creds);
    provider.use(certificates().server);
    const { client, stranger } = certificates();
    const codes: number[] = [];
    for (const own of [client, stranger, undefined])
      codes.push((await served.connect(channel(own)).unary()).code);
    expect(codes).to.deep.equal([status.OK, status.UNAVAILABLE, status.UNAVAILABLE]);
  });

  it("listen to the provider while their port is bound", async () => {
    const { provider, creds } = provided(twin, false);
    const server = twin.createServer();
    const before = provider.listenerCount;
    await bind(server, "127.0.0.1:0", creds);
    const bound = provider.listenerCount;
    await shutDown(server);
    expect([before, bound, provider.listenerCount]).to.deep.equal([0, 2, 0]);
  });

  it("equal others of the same providers", () => {
    const create = twin.grpc.experimental.createCertificateProviderServerCredentials;
    const [a, b] = [new HandProvider(), new HandProvider()];
    const equal = (other: ServerCredentials) => create(a, b, true)._equals(other);
    expect([equal(create(a, b, true)), equal(create(b, a, true)), equal(create(a, b, false))]).to.deep.equal([
      true,
      false,
      false,
    ]);
  });

  it("read certificates from files", async () => {
    const { authority, server, client } = certificates();
    const folder = temporaryFolder({
      "server.pem": server.certificate.toString(),
      "server.key": server.key.toString(),
      "authority.pem": authority.certificate.toString(),
    });
    twin.cleanUp(() => folder.remove());
    const provider = new twin.grpc.experimental.FileWatcherCertificateProvider({
      certificateFile: `${folder.path}/server.pem`,
      privateKeyFile: `${folder.path}/server.key`,
      caCertificateFile: `${folder.path}/authority.pem`,
      refreshIntervalMs: 1000,
    });
    const create = twin.grpc.experimental.createCertificateProviderServerCredentials;
    const served = await serveTls(twin, create(provider, provider, true));
    // Added behind the credentials' own listener, so that it hears of the files after them.
    const loaded = defer();
    const listener = (update: experimental.IdentityCertificateUpdate | null) => update && loaded.resolve();
    provider.addIdentityCertificateListener(listener);
    twin.cleanUp(() => provider.removeIdentityCertificateListener(listener));
    await loaded.promise;
    expect((await served.connect(channel(client)).unary()).messages).to.deep.equal([{ text: "ssl client" }]);
  });
});

describeTwins("credentials of another copy of grpc-js", (twin) => {
  it("are as good, as several copies in one program are common", async () => {
    const copy = anotherGrpcJs();
    const server = twin.createServer();
    server.addService(service, untyped({ unary: echo }));
    const binding = bindingOf(server, copy.ServerCredentials.createInsecure());
    expect(await binding).to.equal(
      twin.expected({
        grpcJs: "creds must be a ServerCredentials object",
        ours: "bound",
        why: "instanceof knows one copy only; the contract asks for duck types",
      }),
    );
  });
});

/** grpc-js as a second package of a program would load it. */
function anotherGrpcJs(): typeof import("@grpc/grpc-js") {
  const require = createRequire(import.meta.url);
  const isOfGrpcJs = (path: string) => path.includes("@grpc/grpc-js/");
  const kept = Object.entries(require.cache).filter(([path]) => isOfGrpcJs(path));
  for (const [path] of kept) delete require.cache[path];
  const copy = require("@grpc/grpc-js") as typeof import("@grpc/grpc-js");
  for (const path of Object.keys(require.cache).filter(isOfGrpcJs)) delete require.cache[path];
  for (const [path, module] of kept) require.cache[path] = module;
  return copy;
}

async function bindingOf(server: Parameters<typeof bind>[0], creds: ServerCredentials): Promise<string> {
  try {
    await bind(server, "127.0.0.1:0", creds);
    return "bound";
  } catch (error) {
    return (error as Error).message;
  }
}
