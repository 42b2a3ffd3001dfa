import { describeTwins, echo, thrown } from "./twin.ts";

const nothing = { unary() {}, gather() {}, scatter() {}, chat() {} };
// biome-ignore lint/suspicious/noExplicitAny: handlers of both servers, as users of JavaScript write them
type Any = any;
const upper = (call: Any, callback: Any) => callback(null, call.request.toUpperCase());

describeTwins("registration", (same) => {
  const objects = "Error: addService() requires two objects as arguments";
  for (const [name, service, implementation] of [
    ["null as a service", null, {}],
    ["a text as a service", "x", {}],
    ["null as an implementation", echo, null],
    ["a function as an implementation", echo, () => {}],
    ["undefined for both", undefined, undefined],
  ] as [string, Any, Any][]) {
    same(
      `addService refuses ${name}`,
      ({ server }) => thrown(() => server.addService(service, implementation)),
      objects,
    );
  }
  same(
    "addService refuses an empty service",
    ({ server }) => thrown(() => server.addService({}, nothing)),
    "Error: Cannot add an empty service to a server",
  );
  same(
    "addService refuses a method that has a handler",
    (twin) => thrown(() => twin.add(nothing).add(nothing)),
    "Error: Method handler for /test.Echo/Unary already provided.",
  );
  same(
    "addService takes a service again after it was removed",
    (twin) => {
      twin.add(nothing).server.removeService(echo as Any);
      return thrown(() => twin.add(nothing));
    },
    "nothing",
  );
  same(
    "addService finds handlers under their original names",
    async (twin) => (await twin.serve({ unary: upper })).short("Unary", "a"),
    ["A"],
  );
  same(
    "addService finds handlers under their names",
    async (twin) => (await twin.serve({ Unary: upper })).short("Unary", "a"),
    ["A"],
  );
  same(
    "addService prefers the name to the original name",
    async (twin) => (await twin.serve({ Unary: upper, unary: nothing.unary })).short("Unary", "a"),
    ["A"],
  );
  same(
    "handlers have their object as this",
    async (twin) => {
      const service = {
        greeting: "hi ",
        unary(call: Any, callback: Any) {
          callback(null, this.greeting + call.request);
        },
      };
      return (await twin.serve(service)).short("Unary", "a");
    },
    ["hi a"],
  );
  same(
    "handlers may be a class's methods",
    async (twin) => {
      class Service {
        unary(call: Any, callback: Any) {
          callback(null, this.say(call.request));
        }
        say(name: string) {
          return `class ${name}`;
        }
      }
      return (await twin.serve(new Service() as Any)).short("Unary", "a");
    },
    ["class a"],
  );
  for (const name of ["Unary", "Gather", "Scatter", "Chat"] as const) {
    same(
      `a missing handler of ${name} is UNIMPLEMENTED`,
      async (twin) => (await twin.serve({})).short(name, "a"),
      [12, `The server does not implement the method ${name}`],
    );
  }
  same(
    "a method of no service is UNIMPLEMENTED",
    async (twin) => {
      twin.port = await twin.bind();
      return twin.short("Unary", "a");
    },
    [12, "The server does not implement the method /test.Echo/Unary"],
  );
  same(
    "removeService refuses what is no object",
    ({ server }) => thrown(() => server.removeService("x" as Any)),
    "Error: removeService() requires object as argument",
  );
  same(
    "removeService of what was never added is fine",
    ({ server }) => thrown(() => server.removeService(echo as Any)),
    "nothing",
  );
  same(
    "removeService while running: its methods are gone",
    async (twin) => {
      await twin.serve({ unary: upper });
      const before = await twin.short("Unary", "a");
      twin.server.removeService(echo as Any);
      return [before, await twin.short("Unary", "a")];
    },
    [["A"], [12, "The server does not implement the method /test.Echo/Unary"]],
  );
  same(
    "addService while running",
    async (twin) => {
      twin.port = await twin.bind();
      const before = await twin.short("Unary", "a");
      twin.add({ unary: upper });
      return [before, await twin.short("Unary", "a")];
    },
    [[12, "The server does not implement the method /test.Echo/Unary"], ["A"]],
  );
  same(
    "register says whether the path was free",
    ({ server }) => {
      const { path, responseSerialize, requestDeserialize } = echo.Unary;
      const register = () =>
        server.register(path, upper, responseSerialize as Any, requestDeserialize, "unary");
      return [register(), register()];
    },
    [true, false],
  );
  for (const [type, name, handler, expected] of [
    ["unary", "Unary", upper, ["A"]],
    [
      "clientStream",
      "Gather",
      (call: Any, callback: Any) => call.on("data", () => {}).on("end", () => callback(null, "end")),
      ["end"],
    ],
    [
      "serverStream",
      "Scatter",
      (call: Any) => {
        call.write("one");
        call.end();
      },
      ["one"],
    ],
    [
      "bidi",
      "Chat",
      (call: Any) => {
        call.on("data", (text: string) => call.write(`${text}!`));
        call.on("end", () => call.end());
      },
      ["a!"],
    ],
  ] as [string, keyof typeof echo, Any, unknown][]) {
    same(
      `register serves a handler of type ${type}`,
      async (twin) => {
        const { path, responseSerialize, requestDeserialize } = echo[name];
        twin.server.register(path, handler, responseSerialize as Any, requestDeserialize, type);
        twin.port = await twin.bind();
        return twin.short(name, "a");
      },
      expected,
    );
  }
  same(
    "unregister says whether there was a handler",
    ({ server }) => {
      const { path, responseSerialize, requestDeserialize } = echo.Unary;
      server.register(path, upper, responseSerialize as Any, requestDeserialize, "unary");
      return [server.unregister(path), server.unregister(path), server.unregister("nobody")];
    },
    [true, false, false],
  );
  same(
    "addProtoService throws",
    ({ server }) => thrown(() => server.addProtoService()),
    "Error: Not implemented. Use addService() instead",
  );
  same(
    "addHttp2Port throws",
    ({ server }) => thrown(() => server.addHttp2Port()),
    "Error: Not yet implemented",
  );
  same(
    "bind throws",
    ({ server, grpc }) => thrown(() => server.bind("x:1", grpc.ServerCredentials.createInsecure())),
    "Error: Not implemented. Use bindAsync() instead",
  );
  same(
    "a Server is an instance of Server, and takes no options, or empty ones",
    ({ grpc }) => {
      return [new grpc.Server() instanceof grpc.Server, new grpc.Server({}) instanceof grpc.Server];
    },
    [true, true],
  );
});
