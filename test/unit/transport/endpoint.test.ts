import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  type SecureClientSessionOptions,
} from "node:http2";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { type Duplex, duplexPair } from "node:stream";
import { expect } from "chai";
import { type Exchange, FieldSection } from "../../../src/exchange.ts";
import { developmentCertificate } from "../../../src/transport/dev-certificate.ts";
import {
  defaultLifetime,
  defaultLimits,
  type Endpoint,
  type EndpointSecurity,
  Listener,
  type TlsSettings,
} from "../../../src/transport/listener.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const nothing = new FieldSection(400, []);

/** A listener that answers each request with what it knows of its peer. */
function listenerOf(security: Partial<EndpointSecurity> = {}): Listener {
  return new Listener({
    plaintext: "never",
    ...security,
    push: false,
    limits: defaultLimits,
    lifetime: defaultLifetime,
    rejections: { badRequest: nothing, headersTooLarge: nothing },
    observer: { violation() {} },
    onExchange,
  });
}

const held: Exchange[] = [];

function onExchange(exchange: Exchange): void {
  if (exchange.head.path === "/hold") {
    exchange.receiver = { onData() {}, onEnd() {}, onDrain() {}, onAbort() {} };
    held.push(exchange);
    return;
  }
  const { tls } = exchange.peer;
  const text = tls === undefined ? "plain" : `tls ${tls.authorized}`;
  exchange.respondAndEnd(new FieldSection(204, ["x-peer", text]));
}

async function ask(session: ClientHttp2Session, path = "/"): Promise<unknown> {
  const [headers] = await once(session.request({ ":path": path }), "response");
  return headers["x-peer"];
}

const overSocket = (socket: Duplex): ClientSessionOptions => ({ createConnection: () => socket });
const secure = (port: number, options: SecureClientSessionOptions) =>
  connect(`https://localhost:${port}`, {
    lookup: (_name, _options, found) => found(null, [{ address: "127.0.0.1", family: 4 }]),
    ...options,
  } as SecureClientSessionOptions);

/** However it closes. */
const closed = (session: ClientHttp2Session) => new Promise((resolve) => session.once("close", resolve));

describe("an endpoint", () => {
  const folder = temporaryFolder({});
  let listener: Listener;
  let tls: TlsSettings;
  let ca: string;

  before(async () => {
    const { credentials, caPath } = await developmentCertificate({ directory: folder.path });
    ca = readFileSync(caPath!, "utf8");
    tls = { cert: credentials.cert, key: credentials.key };
  });
  beforeEach(() => {
    listener = listenerOf();
    held.length = 0;
  });
  afterEach(() => listener.close(0));
  after(() => folder.remove());

  it("has its own say in who comes in", async () => {
    const open = await listener.listen({ host: "127.0.0.1", port: 0 }, { plaintext: "always" });
    const closed = await listener.listen({ host: "127.0.0.1", port: 0 }, { tls });
    const plain = connect(`http://127.0.0.1:${open.port}`);
    expect(await ask(plain)).to.equal("plain");
    const refused = connect(`http://127.0.0.1:${closed.port}`);
    const [headers] = await once(refused.request({}), "response");
    expect(headers[":status"]).to.equal(403);
    const encrypted = secure(closed.port, { rejectUnauthorized: false });
    expect(await ask(encrypted)).to.equal("tls false");
    expect(listener.connectionCount).to.equal(3);
    for (const session of [plain, refused, encrypted]) session.destroy();
  });

  it("takes connections that come by another way", async () => {
    const endpoint = listener.createEndpoint({ plaintext: "loopback" });
    const [ours, theirs] = duplexPair();
    endpoint.accept(ours);
    const session = connect("http://memory", overSocket(theirs));
    expect(await ask(session)).to.equal("plain");
    session.destroy();
    ours.destroy();
  });

  it("listens on a Unix domain socket", async () => {
    const path = join(folder.path, "socket");
    await listener.listen({ host: "", port: 0, path }, { plaintext: "loopback" });
    const session = connect("http://unix", overSocket(connectSocket(path)));
    expect(await ask(session)).to.equal("plain");
    session.destroy();
  });

  it("lets in those only whose certificate an authority of clientCa has signed", async () => {
    const address = { host: "127.0.0.1", port: 0 };
    const { port } = await listener.listen(address, { tls: { ...tls, clientCa: ca } });
    const known = secure(port, { ...tls, rejectUnauthorized: false });
    expect(await ask(known)).to.equal("tls true");
    const unknown = secure(port, { rejectUnauthorized: false });
    unknown.on("error", () => {});
    const request = unknown.request({});
    await new Promise((resolve) => request.on("error", resolve).on("close", resolve));
    expect(listener.openStreams).to.equal(0);
    unknown.destroy();
    known.destroy();
  });

  it("turns TLS clients away until it has a certificate, and takes another one for those that come later", async () => {
    const endpoint = await listener.listen({ host: "127.0.0.1", port: 0 }, { tls: null });
    const early = secure(endpoint.port, { rejectUnauthorized: false }).on("error", () => {});
    await closed(early);
    endpoint.setTls(tls);
    const session = secure(endpoint.port, { rejectUnauthorized: false });
    expect(await ask(session)).to.equal("tls false");
    endpoint.setTls(null);
    const late = secure(endpoint.port, { rejectUnauthorized: false }).on("error", () => {});
    await closed(late);
    expect(await ask(session)).to.equal("tls false");
    session.destroy();
  });

  it("asks for client certificates from the moment it is told to", async () => {
    const endpoint = await listener.listen({ host: "127.0.0.1", port: 0 }, { tls });
    endpoint.setTls({ ...tls, clientCa: ca });
    const known = secure(endpoint.port, { ...tls, rejectUnauthorized: false });
    expect(await ask(known)).to.equal("tls true");
    const unknown = secure(endpoint.port, { rejectUnauthorized: false }).on("error", () => {});
    const request = unknown.request({});
    await new Promise((resolve) => request.on("error", resolve).on("close", resolve));
    expect(listener.openStreams).to.equal(0);
    for (const session of [known, unknown]) session.destroy();
  });

  it("lets go of a stream of bytes whose other side has ended", async () => {
    const endpoint = listener.createEndpoint({ plaintext: "loopback" });
    const [ours, theirs] = duplexPair();
    endpoint.accept(ours);
    theirs.resume();
    theirs.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    theirs.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    theirs.end();
    await once(theirs, "end");
    expect(ours.writableEnded).to.equal(true);
    ours.destroy();
  });

  /** A session with one request that is not answered yet. */
  async function busySession(endpoint: Endpoint): Promise<ClientHttp2Session> {
    const session = connect(`http://127.0.0.1:${endpoint.port}`).on("error", () => {});
    session.request({ ":path": "/hold" }).on("error", () => {});
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    return session;
  }

  it("drains the clients of now, and takes new ones meanwhile", async () => {
    const endpoint = await listener.listen({ host: "127.0.0.1", port: 0 }, { plaintext: "always" });
    const old = await busySession(endpoint);
    const goneAway = once(old, "goaway");
    endpoint.drain(60_000);
    await goneAway;
    const young = connect(`http://127.0.0.1:${endpoint.port}`);
    expect(await ask(young)).to.equal("plain");
    held[0].respondAndEnd(new FieldSection(204, []));
    await once(old, "close");
    young.destroy();
  });

  it("cuts what is left of them after the grace", async () => {
    const endpoint = await listener.listen({ host: "127.0.0.1", port: 0 }, { plaintext: "always" });
    const old = await busySession(endpoint);
    const isClosed = once(old, "close");
    endpoint.drain(0);
    await isClosed;
  });

  it("leaves them all their time when the grace is without end", async () => {
    const endpoint = await listener.listen({ host: "127.0.0.1", port: 0 }, { plaintext: "always" });
    const old = await busySession(endpoint);
    const goneAway = once(old, "goaway");
    endpoint.drain(Number.POSITIVE_INFINITY);
    await goneAway;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(old.closed).to.equal(true);
    expect(old.destroyed).to.equal(false);
    held[0].respondAndEnd(new FieldSection(204, []));
    await once(old, "close");
  });

  it("that is closed is forgotten", async () => {
    const endpoint = await listener.listen({ host: "127.0.0.1", port: 0 }, { plaintext: "always" });
    await endpoint.close(0);
    const { endpoints } = listener as unknown as { endpoints: Set<Endpoint> };
    expect(endpoints.size).to.equal(0);
  });

  it("that stops listening keeps what it has", async () => {
    const endpoint = await listener.listen({ host: "127.0.0.1", port: 0 }, { plaintext: "always" });
    const session = connect(`http://127.0.0.1:${endpoint.port}`);
    await ask(session);
    endpoint.stopListening();
    const [error] = await once(connectSocket(endpoint.port, "127.0.0.1"), "error");
    expect(error.code).to.equal("ECONNREFUSED");
    expect(await ask(session)).to.equal("plain");
    session.destroy();
  });
});
