import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { type handleUnaryCall, type ServerOptions, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { defer } from "./support/defer.ts";
import { envelope, type Handlers, type Message, serialize } from "./support/service.ts";
import { describeTwins } from "./support/twins.ts";

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

/** A message of so many bytes on the wire. */
function messageOf(bytes: number): Message {
  const message = { text: "x".repeat(bytes - serialize({ text: "" }).length) };
  expect(serialize(message)).to.have.length(bytes);
  return message;
}

describeTwins("grpc.max_receive_message_length", (twin) => {
  const options = { "grpc.max_receive_message_length": 1000 };

  it("takes a message of just that size", async () => {
    const { client } = await twin.serve({ unary: echo }, { options });
    expect((await client.unary(messageOf(1000))).code).to.equal(status.OK);
  });

  it("refuses a message that is a byte larger", async () => {
    const { client } = await twin.serve({ unary: echo }, { options });
    expect(await client.unary(messageOf(1001))).to.include({
      code: status.RESOURCE_EXHAUSTED,
      details: "Received message larger than max (1001 vs 1000)",
    });
  });

  it("refuses by the announced size, before the message is there", async () => {
    const { open } = await (await twin.serve({ unary: echo }, { options })).wire();
    const stream = open();
    const response = once(stream, "response");
    stream.write(envelope(messageOf(2000)).subarray(0, 5));
    expect((await response)[0]["grpc-status"]).to.equal(String(status.RESOURCE_EXHAUSTED));
  });

  it("holds for each message of a stream", async () => {
    const first = defer();
    const cancelled = defer();
    const { client } = await twin.serve(
      {
        clientStream: (call) => {
          call.on("data", () => first.resolve());
          call.on("cancelled", () => cancelled.resolve());
        },
      },
      { options },
    );
    const { call, outcome } = client.startClientStream();
    call.write(messageOf(1000));
    await first.promise;
    call.write(messageOf(1001));
    expect((await outcome).code).to.equal(status.RESOURCE_EXHAUSTED);
    await cancelled.promise;
  });

  it("is 4 MiB when it is not given", async () => {
    const { client } = await twin.serve({ unary: (_call, callback) => callback(null, { text: "" }) });
    const limit = 4 * 1024 * 1024;
    expect((await client.unary(messageOf(limit))).code).to.equal(status.OK);
    expect(await client.unary(messageOf(limit + 1))).to.include({
      code: status.RESOURCE_EXHAUSTED,
      details: `Received message larger than max (${limit + 1} vs ${limit})`,
    });
  });

  it("is no limit when it is -1", async () => {
    const { client } = await twin.serve(
      { unary: (_call, callback) => callback(null, { text: "" }) },
      { options: { "grpc.max_receive_message_length": -1 } },
    );
    expect((await client.unary(messageOf(5 * 1024 * 1024))).code).to.equal(status.OK);
  });
});

describeTwins("grpc.max_send_message_length", (twin) => {
  const options = { "grpc.max_send_message_length": 1000 };

  it("sends a message of just that size", async () => {
    const { client } = await twin.serve({ unary: echo }, { options });
    expect((await client.unary(messageOf(1000))).code).to.equal(status.OK);
  });

  it("ends a call with a larger reply", async () => {
    const { client } = await twin.serve({ unary: echo }, { options });
    const { code, details, messages } = await client.unary(messageOf(1001));
    expect([code, messages]).to.deep.equal([status.RESOURCE_EXHAUSTED, []]);
    expect(details).to.match(/^Sent message larger than max \(\d+ vs\.? 1000\)$/);
  });

  it("ends a stream at its first larger reply", async () => {
    const { client } = await twin.serve(
      {
        serverStream: (call) => {
          call.write(messageOf(1000));
          call.write(messageOf(1001));
          call.write(messageOf(1000));
          call.end();
        },
      },
      { options },
    );
    const { code, messages } = await client.serverStream();
    expect([code, messages.length]).to.deep.equal([status.RESOURCE_EXHAUSTED, 1]);
  });

  it("is no limit when it is not given", async () => {
    const served = await twin.serve({ unary: (_call, callback) => callback(null, messageOf(5_000_000)) });
    const client = served.connect(undefined, { "grpc.max_receive_message_length": -1 });
    expect((await client.unary()).code).to.equal(status.OK);
  });
});

describeTwins("options of connections", (twin) => {
  const session = async (options: ServerOptions, handlers: Handlers = { unary: echo }) =>
    (await twin.serve(handlers, { options })).wire();

  it("grpc.max_concurrent_streams is told to clients", async () => {
    const wire = await session({ "grpc.max_concurrent_streams": 7 });
    expect(wire.session.remoteSettings.maxConcurrentStreams).to.equal(7);
  });

  it("grpc.max_concurrent_streams makes clients wait", async () => {
    const waiting: (() => void)[] = [];
    const begun = defer();
    const { client } = await twin.serve(
      {
        unary: ({ request }, callback) => {
          waiting.push(() => callback(null, request));
          if (waiting.length === 2) begun.resolve();
        },
      },
      { options: { "grpc.max_concurrent_streams": 2 } },
    );
    const outcomes = ["a", "b", "c"].map((text) => client.unary({ text }));
    await begun.promise;
    while (waiting.length > 0) waiting.shift()?.();
    await Promise.all(outcomes.slice(0, 2));
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    waiting.shift()?.();
    expect((await Promise.all(outcomes)).map(({ code }) => code)).to.deep.equal([0, 0, 0]);
  });

  it("grpc.max_connection_age_ms ends connections", async () => {
    const wire = await session({ "grpc.max_connection_age_ms": 50 });
    const goaway = await once(wire.session, "goaway");
    expect([goaway[0], String(goaway[2] ?? "")]).to.deep.equal([0, "max_age"]);
    await wire.closed;
  });

  it("grpc.max_connection_age_ms lets calls finish", async () => {
    const begun = defer<() => void>();
    const served = await twin.serve(
      { unary: ({ request }, callback) => begun.resolve(() => callback(null, request)) },
      { options: { "grpc.max_connection_age_ms": 50 } },
    );
    const { session, request } = await served.wire();
    const goaway = once(session, "goaway");
    const answer = request({}, envelope({ text: "old" }));
    const finish = await begun.promise;
    await goaway;
    finish();
    expect((await answer).trailers?.["grpc-status"]).to.equal("0");
  });

  it("grpc.max_connection_age_grace_ms cuts calls that do not", async () => {
    const cancelled = defer();
    const wire = await session(
      { "grpc.max_connection_age_ms": 30, "grpc.max_connection_age_grace_ms": 30 },
      { unary: (call) => void call.on("cancelled", cancelled.resolve) },
    );
    wire.open().end(envelope({ text: "" }));
    await cancelled.promise;
    await wire.closed;
  });

  it("grpc.max_connection_idle_ms ends connections without calls", async () => {
    const wire = await session({ "grpc.max_connection_idle_ms": 30 });
    await wire.closed;
  });

  it("grpc.max_connection_idle_ms leaves connections with calls alone", async () => {
    const begun = defer<() => void>();
    const served = await twin.serve(
      { unary: ({ request }, callback) => begun.resolve(() => callback(null, request)) },
      { options: { "grpc.max_connection_idle_ms": 30 } },
    );
    const wire = await served.wire();
    const answer = wire.request({}, envelope({ text: "" }));
    const finish = await begun.promise;
    // A later connection without a call is idle for as long as this one would have been.
    await (await served.wire()).closed;
    finish();
    expect((await answer).trailers?.["grpc-status"]).to.equal("0");
    await wire.closed;
  });

  it("grpc.keepalive_time_ms makes the server ping", async () => {
    const wire = await session({ "grpc.keepalive_time_ms": 20 });
    await once(wire.session, "ping");
    await once(wire.session, "ping");
  });

  it("grpc.keepalive_timeout_ms ends connections that do not answer", async () => {
    const options = { "grpc.keepalive_time_ms": 20, "grpc.keepalive_timeout_ms": 20 };
    const { port } = await twin.serve({ unary: echo }, { options });
    const socket = connectTcp(port, "localhost");
    twin.cleanUp(() => socket.destroy());
    socket.on("error", () => {});
    // The preface and empty SETTINGS, and then nothing, whatever the server says.
    socket.write(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1"));
    socket.resume();
    await new Promise((resolve) => socket.on("close", resolve));
  });

  it("are none that a client must keep to, by default", async () => {
    const wire = await session({});
    for (let count = 0; count < 20; count++) await ping(wire.session);
    expect((await wire.request({}, envelope({ text: "" }))).trailers?.["grpc-status"]).to.equal("0");
  });
});

function ping(session: { ping(callback: (error: Error | null) => void): boolean }): Promise<void> {
  return new Promise((resolve, reject) => {
    session.ping((error) => (error === null ? resolve() : reject(error)));
  });
}

describeTwins("other options", (twin) => {
  const accepted: ServerOptions = {
    "grpc.default_compression_algorithm": 2,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc-node.flow_control_window": 100_000,
    "grpc-node.max_session_memory": 10,
    "grpc-node.tls_enable_trace": 0,
    "grpc.so_reuseport": 1,
    "grpc.max_metadata_size": 10_000,
    "grpc.enable_channelz": 0,
    "grpc.http_connect_target": "x",
    "no.such.option": "at all",
  };
  for (const [name, value] of Object.entries(accepted)) {
    it(`are taken: ${name}`, async () => {
      const { client } = await twin.serve({ unary: echo }, { options: { [name]: value } });
      expect((await client.unary()).code).to.equal(status.OK);
    });
  }

  it("stay the user's own", async () => {
    const options = Object.freeze({
      "grpc.max_receive_message_length": 1000,
      interceptors: Object.freeze([]),
    });
    const { client } = await twin.serve({ unary: echo }, { options: options as unknown as ServerOptions });
    expect((await client.unary()).code).to.equal(status.OK);
  });
});
