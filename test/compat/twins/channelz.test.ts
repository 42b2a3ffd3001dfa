import { type Any, upper } from "./calls.ts";
import { describeTwins, type Twin } from "./twin.ts";

describeTwins("channelz", (same) => {
  const ask = (twin: Twin, name: string, request: object) =>
    new Promise<Any>((resolve, reject) => {
      const handlers = twin.grpc.getChannelzHandlers() as Any;
      handlers[name]({ request }, (error: Any, value: Any) => (error ? reject(error) : resolve(value)));
    });
  same(
    "getChannelzRef",
    ({ server }) => {
      const { kind, id, name } = server.getChannelzRef();
      return [kind, typeof id, name];
    },
    ["server", "number", "server"],
  );
  same(
    "knows a server, its calls and its connection",
    async (twin) => {
      await twin.serve({
        unary: (call: Any, callback: Any) =>
          callback(call.request === "bad" ? { code: 3, details: "" } : null, "x"),
      });
      await twin.call("Unary", "a");
      await twin.call("Unary", "bad");
      const { id } = twin.server.getChannelzRef();
      const { server } = await ask(twin, "GetServer", { server_id: id });
      const { data, ref } = server;
      const { socket_ref: sockets } = await ask(twin, "GetServerSockets", {
        server_id: id,
        start_socket_id: 0,
        max_results: 10,
      });
      const { socket } = await ask(twin, "GetSocket", { socket_id: sockets[0].socket_id });
      return [
        ref.server_id === id,
        data.calls_started,
        data.calls_succeeded,
        data.calls_failed,
        sockets.length,
        socket.data.streams_started,
        socket.data.messages_received,
        socket.data.messages_sent,
      ];
    },
    [true, 2, 1, 1, 1, 2, 2, 1],
  );
  same(
    "lists the server, and its listeners",
    async (twin) => {
      await twin.serve(upper);
      const { id } = twin.server.getChannelzRef();
      const { server: servers } = await ask(twin, "GetServers", { start_server_id: id, max_results: 1 });
      return [servers.length, servers[0].ref.server_id === id, servers[0].listen_socket.length];
    },
    [1, true, 1],
  );
  same(
    "is off when the option says so",
    async (twin) => {
      const other = twin.withOptions({ "grpc.enable_channelz": 0 });
      await other.serve(upper);
      await other.call("Unary", "a");
      return ask(other, "GetServer", { server_id: other.server.getChannelzRef().id }).then(
        () => "there",
        (error) => error.code,
      );
    },
    5,
  );
  same(
    "forgets a server that is shut down",
    async (twin) => {
      await twin.serve(upper);
      const { id } = twin.server.getChannelzRef();
      await new Promise<void>((resolve) => twin.server.tryShutdown(() => resolve()));
      return ask(twin, "GetServer", { server_id: id }).then(
        () => "there",
        (error) => error.code,
      );
    },
    5,
  );
  same(
    "its service can be served",
    async (twin) => {
      twin.server.addService(
        twin.grpc.getChannelzServiceDefinition() as Any,
        twin.grpc.getChannelzHandlers() as Any,
      );
      twin.port = await twin.bind();
      const { code } = await new Promise<Any>((resolve) => {
        const call = twin.client.makeUnaryRequest(
          "/grpc.channelz.v1.Channelz/GetServers",
          (bytes: Buffer) => bytes,
          (bytes) => bytes,
          Buffer.alloc(0),
          () => {},
        );
        call.on("status", resolve);
      });
      return code;
    },
    0,
  );
  same(
    "addAdminServicesToServer",
    async (twin) => {
      twin.grpc.addAdminServicesToServer(twin.server as Any);
      twin.port = await twin.bind();
      const { code } = await new Promise<Any>((resolve) => {
        const call = twin.client.makeUnaryRequest(
          "/grpc.channelz.v1.Channelz/GetServers",
          (bytes: Buffer) => bytes,
          (bytes) => bytes,
          Buffer.alloc(0),
          () => {},
        );
        call.on("status", resolve);
      });
      return code;
    },
    0,
  );
});
