import { type handleUnaryCall, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { defer } from "./support/defer.ts";
import { envelope, type Message } from "./support/service.ts";
import { describeTwins, type Server, shutDown, type Twin } from "./support/twins.ts";

// biome-ignore lint/suspicious/noExplicitAny: messages of a .proto file that is loaded when it is needed
type Reply = any;

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

/** Asks one of grpc-js's handlers for channelz, without a connection. */
function ask(twin: Twin, name: string, request: object): Promise<Reply> {
  const handlers = twin.grpc.getChannelzHandlers() as unknown as Record<
    string,
    handleUnaryCall<object, Reply>
  >;
  const reply = defer<Reply>();
  const callback: sendUnaryData<Reply> = (error, value) =>
    error ? reply.reject(error) : reply.resolve(value);
  handlers[name]?.({ request } as ServerUnaryCall<object, Reply>, callback);
  return reply.promise;
}

const idOf = (server: Server) => server.getChannelzRef().id;

const infoOf = async (twin: Twin, server: Server): Promise<Reply> =>
  (await ask(twin, "GetServer", { server_id: idOf(server) })).server;

const socketsOf = async (twin: Twin, server: Server): Promise<{ socket_id: string }[]> =>
  (await ask(twin, "GetServerSockets", { server_id: idOf(server), start_socket_id: "0" })).socket_ref;

describeTwins("channelz", (twin) => {
  it("has a reference to each server", () => {
    const refs = [twin.createServer().getChannelzRef(), twin.createServer().getChannelzRef()];
    expect(refs.map(({ kind }) => kind)).to.deep.equal(["server", "server"]);
    expect(refs[0]?.id).to.be.below(refs[1]?.id as number);
  });

  it("has handlers for all that can be asked", () => {
    expect(twin.grpc.getChannelzHandlers()).to.have.all.keys(
      "GetServer",
      "GetServers",
      "GetServerSockets",
      "GetSocket",
      "GetChannel",
      "GetSubchannel",
      "GetTopChannels",
    );
    expect(twin.grpc.getChannelzServiceDefinition()).to.include.all.keys("GetServer", "GetServers");
  });

  it("lists servers", async () => {
    const server = twin.createServer();
    const { server: list } = await ask(twin, "GetServers", { start_server_id: idOf(server), max_results: 1 });
    expect(list.map(({ ref }: Reply) => Number(ref.server_id))).to.deep.equal([idOf(server)]);
  });

  it("lists the addresses that a server listens on", async () => {
    const { server, port } = await twin.serve({}, { address: "127.0.0.1:0" });
    const info = await infoOf(twin, server);
    expect(info.listen_socket.map(({ name }: Reply) => name)).to.deep.equal([`127.0.0.1:${port}`]);
    const { socket_id } = info.listen_socket[0];
    const { socket } = await ask(twin, "GetSocket", { socket_id });
    expect(socket.local.tcpip_address.port).to.equal(port);
    expect(socket.remote).to.equal(null);
  });

  it("counts the calls of a server", async () => {
    const { server, client } = await twin.serve({
      unary: ({ request }, callback) =>
        request.text === "bad" ? callback({ code: status.ABORTED }) : callback(null, request),
    });
    for (const text of ["good", "bad", "good"]) await client.unary({ text });
    const { data } = await infoOf(twin, server);
    const counts = [data.calls_started, data.calls_succeeded, data.calls_failed].map(Number);
    expect(counts).to.deep.equal([3, 2, 1]);
    expect(data.last_call_started_timestamp).to.have.property("seconds");
  });

  it("counts calls of methods that there are not, as failed", async () => {
    const { server, client } = await twin.serve({});
    await client.unary({ text: "" }, {}, "/no/such");
    const { data } = await infoOf(twin, server);
    expect([data.calls_started, data.calls_failed].map(Number)).to.deep.equal([1, 1]);
  });

  it("counts a call that runs as started", async () => {
    const begun = defer<() => void>();
    const { server, client } = await twin.serve({
      unary: ({ request }, callback) => begun.resolve(() => callback(null, request)),
    });
    const outcome = client.unary();
    const finish = await begun.promise;
    const { data } = await infoOf(twin, server);
    const counts = [data.calls_started, data.calls_succeeded, data.calls_failed].map(Number);
    finish();
    await outcome;
    expect(counts).to.deep.equal([1, 0, 0]);
  });

  it("knows the connections of a server, their ends and their counts", async () => {
    const served = await twin.serve({ unary: echo }, { address: "127.0.0.1:0" });
    const { session, request } = await served.wire();
    const { localPort } = session.socket;
    for (let count = 0; count < 2; count++) await request({}, envelope({ text: "" }));
    const refs = await socketsOf(twin, served.server);
    expect(refs).to.have.length(1);
    const { socket } = await ask(twin, "GetSocket", { socket_id: refs[0]?.socket_id });
    expect([socket.local.tcpip_address.port, socket.remote.tcpip_address.port]).to.deep.equal([
      served.port,
      localPort,
    ]);
    const { data } = socket;
    const counts = [data.streams_started, data.streams_succeeded, data.streams_failed];
    expect([...counts, data.messages_received, data.messages_sent].map(Number)).to.deep.equal([
      2, 2, 0, 2, 2,
    ]);
  });

  it("forgets connections that are closed", async () => {
    const served = await twin.serve({ unary: echo });
    const wire = await served.wire();
    await wire.request({}, envelope({ text: "" }));
    expect(await socketsOf(twin, served.server)).to.have.length(1);
    wire.close();
    await wire.closed;
    while ((await socketsOf(twin, served.server)).length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it("forgets a server that is shut down", async () => {
    const { server } = await twin.serve({});
    await shutDown(server);
    const error = await infoOf(twin, server).catch((reason) => reason);
    expect(error).to.deep.equal({
      code: status.NOT_FOUND,
      details: `No server data found for id ${idOf(server)}`,
    });
  });

  it("does not know servers that want none of it", async () => {
    const server = twin.createServer({ "grpc.enable_channelz": 0 });
    const other = twin.createServer();
    const { server: list } = await ask(twin, "GetServers", { start_server_id: 0, max_results: 1000 });
    const ids = list.map(({ ref }: Reply) => Number(ref.server_id));
    expect([ids.includes(idOf(other)), server.getChannelzRef().kind]).to.deep.equal([true, "server"]);
    expect(ids.filter((id: number) => id === idOf(server) && id !== idOf(other))).to.deep.equal([]);
  });

  it("can be served to others", async () => {
    const server = twin.createServer();
    twin.grpc.addAdminServicesToServer(server);
    const { target } = await twin.listen(server);
    const Client = twin.grpc.makeClientConstructor(twin.grpc.getChannelzServiceDefinition(), "Channelz");
    const client = new Client(target, twin.grpc.credentials.createInsecure());
    twin.cleanUp(() => client.close());
    const reply = await new Promise<Reply>((resolve, reject) =>
      client["getServer"]({ server_id: idOf(server) }, (error: unknown, value: Reply) =>
        error ? reject(error) : resolve(value),
      ),
    );
    expect([Number(reply.server.ref.server_id), Number(reply.server.data.calls_started)]).to.deep.equal([
      idOf(server),
      1,
    ]);
  });
});
