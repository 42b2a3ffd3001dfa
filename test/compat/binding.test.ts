import { once } from "node:events";
import { createServer, type Server as NetServer } from "node:net";
import { join } from "node:path";
import { credentials, type handleUnaryCall, type ServerCredentials, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { certificates } from "./support/certificates.ts";
import { defer } from "./support/defer.ts";
import { type Message, service, untyped } from "./support/service.ts";
import { bind, describeTwins, type Server, type Twin } from "./support/twins.ts";

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

function serverOf(twin: Twin): Server {
  const server = twin.createServer();
  server.addService(service, untyped({ unary: echo }));
  return server;
}

const insecure = (twin: Twin): ServerCredentials => twin.grpc.ServerCredentials.createInsecure();

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const holder = await holdPort();
  const { port } = holder.address() as { port: number };
  holder.close();
  await once(holder, "close");
  return port;
}

async function holdPort(): Promise<NetServer> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  return holder;
}

describeTwins("bindAsync", (twin) => {
  const noop = () => {};

  it("refuses a port that is no text", () => {
    const port = 50051 as unknown as string;
    const action = () => twin.createServer().bindAsync(port, insecure(twin), noop);
    expect(action).to.throw(TypeError, "port must be a string");
  });

  for (const [what, wrong] of [
    ["null", () => null],
    ["an empty object", () => ({})],
    ["credentials of a channel", () => credentials.createInsecure()],
  ] as const) {
    it(`refuses ${what} for credentials`, () => {
      const creds = wrong() as unknown as ServerCredentials;
      const action = () => twin.createServer().bindAsync("localhost:0", creds, noop);
      expect(action).to.throw(TypeError, "creds must be a ServerCredentials object");
    });
  }

  it("refuses a callback that is no function", () => {
    const action = () =>
      twin.createServer().bindAsync("localhost:0", insecure(twin), undefined as unknown as typeof noop);
    expect(action).to.throw(TypeError, "callback must be a function");
  });

  it("refuses an empty port", () => {
    const action = () => twin.createServer().bindAsync("", insecure(twin), noop);
    expect(action).to.throw(Error, 'Could not parse port ""');
  });

  it("calls back later, with the port that was chosen", async () => {
    const server = twin.createServer();
    const bound = defer<number>();
    let hasReturned = false;
    server.bindAsync("localhost:0", insecure(twin), (error, port) => {
      expect([error, hasReturned]).to.deep.equal([null, true]);
      bound.resolve(port);
    });
    hasReturned = true;
    expect(await bound.promise).to.be.within(1, 65_535);
  });

  it("binds the port that it is told", async () => {
    const port = await freePort();
    expect(await bind(serverOf(twin), `127.0.0.1:${port}`, insecure(twin))).to.equal(port);
    expect((await twin.connect(`127.0.0.1:${port}`).unary()).code).to.equal(status.OK);
  });

  for (const scheme of ["ipv4:127.0.0.1:0", "dns:localhost:0", "dns:///localhost:0", "0.0.0.0:0"]) {
    it(`binds ${scheme}`, async () => {
      const port = await bind(serverOf(twin), scheme, insecure(twin));
      expect((await twin.connect(`127.0.0.1:${port}`).unary()).code).to.equal(status.OK);
    });
  }

  it("gives the same port again for equal credentials", async () => {
    const server = serverOf(twin);
    const port = await bind(server, "localhost:0", insecure(twin));
    expect(await bind(server, `localhost:${port}`, insecure(twin))).to.equal(port);
  });

  it("gives the same port to two that ask at once", async () => {
    const server = serverOf(twin);
    const port = await freePort();
    const both = [0, 1].map(() => bind(server, `127.0.0.1:${port}`, insecure(twin)));
    expect(await Promise.all(both)).to.deep.equal([port, port]);
  });

  it("refuses the same port for other credentials", async () => {
    const server = serverOf(twin);
    const port = await bind(server, "localhost:0", insecure(twin));
    const { certificate, key } = certificates().server;
    const secure = twin.grpc.ServerCredentials.createSsl(null, [
      { cert_chain: certificate, private_key: key },
    ]);
    const told = defer<[string | undefined, number]>();
    server.bindAsync(`localhost:${port}`, secure, (error, again) => told.resolve([error?.message, again]));
    expect(await told.promise).to.deep.equal([
      `localhost:${port} already bound with incompatible credentials`,
      0,
    ]);
  });

  it("reports a port that somebody else has", async () => {
    const holder = await holdPort();
    twin.cleanUp(() => holder.close());
    const { port } = holder.address() as { port: number };
    const told = defer<[string | undefined, number]>();
    serverOf(twin).bindAsync(`127.0.0.1:${port}`, insecure(twin), (error, bound) =>
      told.resolve([error?.message, bound]),
    );
    const reason = `listen EADDRINUSE: address already in use 127.0.0.1:${port}`;
    expect(await told.promise).to.deep.equal([
      `No address added out of total 1 resolved errors: [${reason}]`,
      0,
    ]);
  });

  it("binds several ports of one server", async () => {
    const server = serverOf(twin);
    const ports = [await bind(server, "localhost:0", insecure(twin))];
    ports.push(await bind(server, "127.0.0.1:0", insecure(twin)));
    for (const port of ports) expect((await twin.connect(`localhost:${port}`).unary()).code).to.equal(0);
    expect(ports[0]).to.not.equal(ports[1]);
  });

  for (const prefix of ["unix:", "unix://"]) {
    it(`binds a Unix domain socket by ${prefix}`, async () => {
      const folder = temporaryFolder({});
      twin.cleanUp(() => folder.remove());
      const address = `${prefix}${join(folder.path, "socket")}`;
      expect(await bind(serverOf(twin), address, insecure(twin))).to.equal(1);
      expect((await twin.connect(address).unary()).code).to.equal(status.OK);
    });
  }

  for (const how of ["tryShutdown", "forceShutdown"] as const) {
    it(`refuses to bind after ${how}`, () => {
      const server = twin.createServer();
      server[how](() => {});
      expect(() => server.bindAsync("localhost:0", insecure(twin), noop)).to.throw(
        Error,
        "bindAsync called after shutdown",
      );
    });
  }
});

describeTwins("start", (twin) => {
  it("needs a port, and is of use once", async () => {
    const server = twin.createServer();
    expect(() => server.start()).to.throw("server must be bound in order to start");
    await bind(server, "localhost:0", insecure(twin));
    server.start();
    expect(() => server.start()).to.throw("server is already started");
  });
});

describeTwins("unbind", (twin) => {
  it("refuses port 0", () => {
    expect(() => twin.createServer().unbind("localhost:0")).to.throw(Error, "Cannot unbind port 0");
  });

  it("refuses a port that it cannot read", () => {
    expect(() => twin.createServer().unbind("")).to.throw(Error, 'Could not parse port ""');
  });

  it("passes over a port that is not bound", () => {
    twin.createServer().unbind("localhost:50051");
  });

  it("ends the listening", async () => {
    const { server, port, connect } = await served(twin);
    expect((await connect().unary()).code).to.equal(status.OK);
    server.unbind(`localhost:${port}`);
    expect((await connect().unary()).code).to.equal(status.UNAVAILABLE);
  });

  it("tells its clients to go", async () => {
    const { server, port, wire } = await served(twin);
    const { session, closed } = await wire();
    const goaway = once(session, "goaway");
    server.unbind(`localhost:${port}`);
    expect((await goaway)[0]).to.equal(0);
    await closed;
  });

  it("lets a running call finish", async () => {
    const running = defer<() => void>();
    const handler: handleUnaryCall<Message, Message> = ({ request }, callback) =>
      running.resolve(() => callback(null, request));
    const { server, port, client } = await twin.serve({ unary: handler });
    const outcome = client.unary({ text: "slow" });
    const finish = await running.promise;
    server.unbind(`localhost:${port}`);
    finish();
    expect((await outcome).messages).to.deep.equal([{ text: "slow" }]);
  });

  it("leaves other ports alone", async () => {
    const { server, port } = await served(twin);
    const other = await bind(server, "127.0.0.1:0", insecure(twin));
    server.unbind(`localhost:${port}`);
    expect((await twin.connect(`127.0.0.1:${other}`).unary()).code).to.equal(status.OK);
  });

  it("cancels a bind that is under way", async () => {
    const server = serverOf(twin);
    const address = `127.0.0.1:${await freePort()}`;
    const told = defer<string | undefined>();
    server.bindAsync(address, insecure(twin), (error) => told.resolve(error?.message));
    server.unbind(address);
    expect(await told.promise).to.equal("bindAsync operation cancelled by unbind call");
  });

  it("is called off by another bind", async () => {
    const server = serverOf(twin);
    const address = `127.0.0.1:${await freePort()}`;
    const first = bind(server, address, insecure(twin));
    server.unbind(address);
    const second = bind(server, address, insecure(twin));
    expect(await first).to.equal(await second);
    expect((await twin.connect(address).unary()).code).to.equal(status.OK);
  });
});

describeTwins("drain", (twin) => {
  it("refuses port 0", () => {
    expect(() => twin.createServer().drain("localhost:0", 1)).to.throw(Error, "Cannot drain port 0");
  });

  it("passes over a port that is not bound", () => {
    twin.createServer().drain("localhost:50051", 1);
  });

  it("tells its clients to go, and lets others come", async () => {
    const { server, port, wire, connect } = await served(twin);
    const { session } = await wire();
    const goaway = once(session, "goaway");
    server.drain(`localhost:${port}`, 10_000);
    expect((await goaway)[0]).to.equal(0);
    expect((await connect().unary()).code).to.equal(status.OK);
  });

  it("lets a running call finish within the grace", async () => {
    const running = defer<() => void>();
    const handler: handleUnaryCall<Message, Message> = ({ request }, callback) =>
      running.resolve(() => callback(null, request));
    const { server, port, client } = await twin.serve({ unary: handler });
    const outcome = client.unary({ text: "slow" });
    const finish = await running.promise;
    server.drain(`localhost:${port}`, 10_000);
    finish();
    expect((await outcome).messages).to.deep.equal([{ text: "slow" }]);
  });

  it("cancels what runs longer than the grace", async () => {
    const cancelled = defer();
    const running = defer();
    const { server, port, client } = await twin.serve({
      unary: (call) => {
        call.on("cancelled", () => cancelled.resolve());
        running.resolve();
      },
    });
    const outcome = client.unary();
    await running.promise;
    server.drain(`localhost:${port}`, 1);
    await cancelled.promise;
    expect((await outcome).code).to.equal(status.CANCELLED);
  });
});

async function served(twin: Twin) {
  const result = await twin.serve({ unary: echo });
  const { server, port } = result;
  return { server, port, connect: () => result.connect(), wire: () => result.wire() };
}
