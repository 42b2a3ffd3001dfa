import { once } from "node:events";
import { connect } from "node:net";
import { expect } from "chai";
import { FieldSection } from "../../../src/exchange.ts";
import { developmentCertificate } from "../../../src/transport/dev-certificate.ts";
import { defaultLifetime, defaultLimits, Listener } from "../../../src/transport/listener.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const nothing = new FieldSection(400, []);

async function listening(
  limits: Partial<typeof defaultLimits>,
): Promise<{ listener: Listener; port: number }> {
  const folder = temporaryFolder({});
  const { credentials } = await developmentCertificate({ directory: folder.path });
  folder.remove();
  const listener = new Listener({
    tls: credentials,
    plaintext: "loopback",
    push: false,
    limits: { ...defaultLimits, ...limits },
    lifetime: defaultLifetime,
    rejections: { badRequest: nothing, headersTooLarge: nothing },
    observer: { violation() {} },
    onExchange: (exchange) => exchange.respondAndEnd(new FieldSection(204, [])),
  });
  const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
  return { listener, port };
}

describe("the listener", () => {
  it("closes a connection whose TLS handshake does not end within tlsHandshakeTimeoutMs (slowloris)", async () => {
    const { listener, port } = await listening({ tlsHandshakeTimeoutMs: 20 });
    const socket = connect(port, "127.0.0.1");
    // A record that announces 512 bytes of ClientHello, of which none follows.
    socket.write(Buffer.from([0x16, 3, 1, 2, 0]));
    await once(socket, "close");
    await listener.close(0);
  });

  it("closes a connection that says nothing within prefaceTimeoutMs", async () => {
    const { listener, port } = await listening({ prefaceTimeoutMs: 20 });
    const socket = connect(port, "127.0.0.1");
    await once(socket, "close");
    await listener.close(0);
  });

  it("takes no more connections than maxConnections, and takes new ones when others have gone", async () => {
    const { listener, port } = await listening({ maxConnections: 2 });
    const sockets = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
    for (const socket of sockets) {
      socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await once(socket, "data");
    }
    await once(
      connect(port, "127.0.0.1").on("error", () => {}),
      "close",
    );
    expect(listener.connectionCount).to.equal(2);
    sockets[0].destroy();
    while (listener.connectionCount > 1) await new Promise((resolve) => setImmediate(resolve));
    const next = connect(port, "127.0.0.1");
    next.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(String((await once(next, "data"))[0])).to.match(/^HTTP\/1\.1 204/);
    for (const socket of [...sockets, next]) socket.destroy();
    await listener.close(0);
  });
});
