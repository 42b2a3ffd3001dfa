import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect } from "chai";
import { greeterArguments, ServerProcess } from "../support/server-process.ts";
import { ask, ways } from "../support/web-client.ts";

const secureWays = ways.filter(({ isSecure }) => isSecure);

/** The first flight of a TLS client that asks for a name. */
async function clientHello(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const { port } = server.address() as AddressInfo;
  const client = connectTls({ port, host: "127.0.0.1", servername, ALPNProtocols: ["h2"] });
  client.on("error", () => {});
  const [socket] = (await accepted) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return hello;
}

describe("a TLS peer that breaks off or talks nonsense (CVE-2026-21637, CVE-2025-59465)", () => {
  let server: ServerProcess;
  let hello: Buffer;
  before(async () => {
    server = await ServerProcess.start(greeterArguments);
    hello = await clientHello("n".repeat(200));
  });
  after(() => server.stop());

  afterEach("the server lives, and has said nothing", async () => {
    for (const way of secureWays) expect((await ask(server, way)).status).to.equal(200);
    expect([server.isRunning, server.errors]).to.deep.equal([true, ""]);
  });

  async function open(): Promise<Socket> {
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  }

  /** Sends bytes and waits until the server answers or hangs up. */
  async function exchange(bytes: Uint8Array): Promise<void> {
    const socket = await open();
    const answered = new Promise<void>((resolve) => {
      socket.once("data", () => resolve());
      socket.once("close", () => resolve());
    });
    socket.end(bytes);
    await answered;
    socket.destroy();
  }

  for (const [how, leave] of Object.entries<(socket: Socket) => void>({
    "a reset": (socket) => socket.resetAndDestroy(),
    "an end": (socket) => socket.end(),
  })) {
    it(`breaks off its first flight at many offsets, with ${how}`, async () => {
      const step = Math.ceil(hello.length / 40);
      for (let at = 1; at < hello.length; at += step) {
        const socket = await open();
        const closed = once(socket, "close");
        socket.write(hello.subarray(0, at), () => leave(socket));
        socket.resume();
        await closed;
      }
    });
  }

  it("breaks off after the server's first flight", async () => {
    for (let i = 0; i < 10; i++) {
      const socket = await open();
      socket.write(hello);
      await once(socket, "data");
      socket.resetAndDestroy();
      await once(socket, "close");
    }
  });

  it("changes a byte of its first flight", async () => {
    const step = Math.ceil(hello.length / 40);
    for (let at = 1; at < hello.length; at += step) {
      const changed = Buffer.from(hello);
      changed[at] ^= 0xff;
      await exchange(changed);
    }
  });

  it("asks for names that are no names", async () => {
    const at = hello.indexOf("n".repeat(200));
    expect(at, "the place of the name").to.be.greaterThan(0);
    for (const name of [
      "\0",
      "a\0b",
      "..",
      "*",
      "é",
      "\xff\xfe",
      "a b",
      "[::1]",
      "127.0.0.1",
      "-",
      "a\r\nb",
      "%00",
    ]) {
      const changed = Buffer.from(hello);
      changed.write(name.repeat(200).slice(0, 200), at, "latin1");
      await exchange(changed);
    }
  });

  it("asks for names of every kind of length", async () => {
    for (const length of [1, 2, 63, 64, 128, 253, 254, 255])
      await exchange(await clientHello("a".repeat(length)));
  });

  it("speaks plaintext behind a byte of TLS", async () => {
    await exchange(Buffer.from("\x16GET / HTTP/1.1\r\n\r\n"));
    await exchange(Buffer.from([0x16, 3, 1, 0xff, 0xff]));
  });

  it("breaks off after the handshake, before and after it speaks HTTP/2", async () => {
    for (const words of ["", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "nonsense\n"]) {
      const tcp = await open();
      const socket = connectTls({
        socket: tcp,
        ca: server.ca,
        servername: "localhost",
        ALPNProtocols: ["h2"],
      });
      socket.on("error", () => {});
      await once(socket, "secureConnect");
      const closed = once(tcp, "close");
      socket.write(words, () => tcp.resetAndDestroy());
      await closed;
    }
  });
});
