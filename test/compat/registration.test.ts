import { fileURLToPath } from "node:url";
import * as grpcJs from "@grpc/grpc-js";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { expect } from "chai";
import { defer } from "./support/defer.ts";
import { deserialize, type Message, serialize, service } from "./support/service.ts";
import { describeTwins } from "./support/twins.ts";

const answering =
  (text: string): handleUnaryCall<Message, Message> =>
  (_call, callback) =>
    callback(null, { text });

describeTwins("addService", (twin) => {
  const wrong: [string, unknown, unknown][] = [
    ["a service of null", null, {}],
    ["an implementation of null", service, null],
    ["a service that is text", "twin.Test", {}],
    ["an implementation that is undefined", service, undefined],
    ["an implementation that is a function", service, () => {}],
  ];
  for (const [what, definition, implementation] of wrong) {
    it(`refuses ${what}`, () => {
      const server = twin.createServer();
      const add = () =>
        server.addService(definition as ServiceDefinition, implementation as UntypedServiceImplementation);
      expect(add).to.throw(Error, "addService() requires two objects as arguments");
    });
  }

  it("refuses an empty service", () => {
    const server = twin.createServer();
    expect(() => server.addService({}, {})).to.throw(Error, "Cannot add an empty service to a server");
  });

  it("refuses a second handler for a method", () => {
    const server = twin.createServer();
    server.addService(service, {});
    expect(() => server.addService(service, {})).to.throw(
      Error,
      "Method handler for /twin.Test/Unary already provided.",
    );
  });

  it("refuses a handler that is no function", () => {
    const server = twin.createServer();
    const implementation = { Unary: "handler" } as unknown as UntypedServiceImplementation;
    expect(() => server.addService(service, implementation)).to.throw(TypeError);
  });

  it("finds a handler by the definition's key", async () => {
    const server = twin.createServer();
    server.addService(service, { Unary: answering("key") });
    const { client } = await twin.listen(server);
    expect((await client.unary()).messages).to.deep.equal([{ text: "key" }]);
  });

  it("finds a handler by the original name", async () => {
    const server = twin.createServer();
    server.addService(service, { unary: answering("original") });
    const { client } = await twin.listen(server);
    expect((await client.unary()).messages).to.deep.equal([{ text: "original" }]);
  });

  it("takes the handler of the key before that of the original name", async () => {
    const server = twin.createServer();
    server.addService(service, { unary: answering("original"), Unary: answering("key") });
    const { client } = await twin.listen(server);
    expect((await client.unary()).messages).to.deep.equal([{ text: "key" }]);
  });

  it("calls the methods of an instance on that instance", async () => {
    class Implementation {
      private readonly text = "mine";
      unary: handleUnaryCall<Message, Message> = function (this: Implementation, _call, callback) {
        callback(null, { text: this.text });
      };
    }
    const server = twin.createServer();
    server.addService(service, new Implementation() as unknown as UntypedServiceImplementation);
    const { client } = await twin.listen(server);
    expect((await client.unary()).messages).to.deep.equal([{ text: "mine" }]);
  });

  it("finds handlers on the prototype", async () => {
    class Implementation {
      unary(_call: unknown, callback: (error: null, value: Message) => void): void {
        callback(null, { text: "inherited" });
      }
    }
    const server = twin.createServer();
    server.addService(service, new Implementation() as unknown as UntypedServiceImplementation);
    const { client } = await twin.listen(server);
    expect((await client.unary()).messages).to.deep.equal([{ text: "inherited" }]);
  });

  it("serves what is added while the server listens", async () => {
    const server = twin.createServer();
    const { client } = await twin.listen(server);
    server.addService(service, { unary: answering("late") });
    expect((await client.unary()).messages).to.deep.equal([{ text: "late" }]);
  });

  it("serves a service of a loaded .proto file", async () => {
    const path = fileURLToPath(new URL("../../proto/helloworld/greeter.proto", import.meta.url));
    const packages = loadPackageDefinition(loadSync(path)) as unknown as {
      helloworld: { Greeter: ServiceClientConstructor };
    };
    const { Greeter } = packages.helloworld;
    const server = twin.createServer();
    const sayHello: handleUnaryCall<{ name: string }, { message: string }> = ({ request }, callback) =>
      callback(null, { message: `Hello, ${request.name}!` });
    server.addService(Greeter.service, { sayHello });
    const { target } = await twin.listen(server);
    const client = new Greeter(target, twin.grpc.credentials.createInsecure());
    twin.cleanUp(() => client.close());
    const reply = defer<{ message: string }>();
    client["sayHello"]({ name: "Ada" }, (error: unknown, value: { message: string }) =>
      error ? reply.reject(error) : reply.resolve(value),
    );
    expect((await reply.promise).message).to.equal("Hello, Ada!");
  });
});

describeTwins("a method without a handler", (twin) => {
  const missing = (name: string) => ({
    code: status.UNIMPLEMENTED,
    details: `The server does not implement the method ${name}`,
  });

  it("is UNIMPLEMENTED, for a unary call", async () => {
    const { client } = await twin.serve();
    expect(await client.unary()).to.include(missing("Unary"));
  });

  it("is UNIMPLEMENTED, for a stream of requests", async () => {
    const { client } = await twin.serve();
    expect(await client.clientStream(["a"])).to.include(missing("ClientStream"));
  });

  it("is UNIMPLEMENTED, for a stream of replies", async () => {
    const { client } = await twin.serve();
    expect(await client.serverStream()).to.include(missing("ServerStream"));
  });

  it("is UNIMPLEMENTED, for streams both ways", async () => {
    const { client } = await twin.serve();
    expect(await client.bidi(["a"])).to.include(missing("Bidi"));
  });

  it("is UNIMPLEMENTED by its path, when no service has it", async () => {
    const { client } = await twin.serve();
    expect(await client.unary({ text: "" }, {}, "/twin.Test/unary")).to.include(missing("/twin.Test/unary"));
  });
});

describeTwins("removeService", (twin) => {
  for (const wrong of [null, undefined, "twin.Test"]) {
    it(`refuses ${JSON.stringify(wrong) ?? "undefined"}`, () => {
      const server = twin.createServer();
      expect(() => server.removeService(wrong as unknown as ServiceDefinition)).to.throw(
        Error,
        "removeService() requires object as argument",
      );
    });
  }

  it("takes the methods away", async () => {
    const { server, client } = await twin.serve({ unary: answering("here") });
    expect((await client.unary()).code).to.equal(status.OK);
    server.removeService(service);
    expect(await client.unary()).to.include({
      code: status.UNIMPLEMENTED,
      details: "The server does not implement the method /twin.Test/Unary",
    });
  });

  it("lets another implementation take the place", async () => {
    const { server, client } = await twin.serve({ unary: answering("first") });
    server.removeService(service);
    server.addService(service, { unary: answering("second") });
    expect((await client.unary()).messages).to.deep.equal([{ text: "second" }]);
  });

  it("leaves a running call alone", async () => {
    const running = defer<() => void>();
    const { server, client } = await twin.serve({
      unary: (_call, callback) => running.resolve(() => callback(null, { text: "done" })),
    });
    const outcome = client.unary();
    const finish = await running.promise;
    server.removeService(service);
    finish();
    expect((await outcome).messages).to.deep.equal([{ text: "done" }]);
  });

  it("passes over a service that was never added", () => {
    twin.createServer().removeService(service);
  });
});

describeTwins("register and unregister", (twin) => {
  it("tell whether they did anything", () => {
    const server = twin.createServer();
    const add = () => server.register("/a.B/C", answering("x"), serialize, deserialize, "unary");
    const results = [add(), add(), server.unregister("/a.B/C"), server.unregister("/a.B/C"), add()];
    expect(results).to.deep.equal([true, false, true, false, true]);
  });

  it("keep the first handler", async () => {
    const server = twin.createServer();
    const { path } = service.Unary;
    server.register(path, answering("first"), serialize, deserialize, "unary");
    server.register(path, answering("second"), serialize, deserialize, "unary");
    const { client } = await twin.listen(server);
    expect((await client.unary()).messages).to.deep.equal([{ text: "first" }]);
  });

  it("go by the type that they are given", async () => {
    const server = twin.createServer();
    const handler: handleServerStreamingCall<Message, Message> = (call) => {
      call.write(call.request);
      call.write(call.request);
      call.end();
    };
    server.register(service.ServerStream.path, handler, serialize, deserialize, "serverStream");
    const { client } = await twin.listen(server);
    expect((await client.serverStream({ text: "a" })).messages).to.have.length(2);
  });

  it("use the serializers that they are given", async () => {
    const server = twin.createServer();
    const shout = (message: Message) => serialize({ text: message.text.toUpperCase() });
    const reverse = (bytes: Buffer) => ({ text: [...deserialize(bytes).text].reverse().join("") });
    const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);
    server.register(service.Unary.path, echo, shout, reverse, "unary");
    const { client } = await twin.listen(server);
    expect((await client.unary({ text: "abc" })).messages).to.deep.equal([{ text: "CBA" }]);
  });

  it("answer INTERNAL for a type that there is not", async () => {
    const server = twin.createServer();
    server.register(service.Unary.path, answering("x"), serialize, deserialize, "sometimes");
    const { client } = await twin.listen(server);
    expect(await client.unary()).to.include({
      code: status.INTERNAL,
      details: "Unknown handler type: sometimes",
    });
  });
});

describeTwins("the module", (twin) => {
  it("exports all that grpc-js exports", () => {
    const names = Object.keys(grpcJs).filter((name) => name !== "default" && name !== "module.exports");
    expect(twin.grpc).to.include.all.keys(names);
  });

  it("has the methods that were never made, or are no longer there", () => {
    const server = twin.createServer() as unknown as Record<string, () => void>;
    expect(() => server["addProtoService"]()).to.throw("Not implemented. Use addService() instead");
    expect(() => server["bind"]()).to.throw("Not implemented. Use bindAsync() instead");
    expect(() => server["addHttp2Port"]()).to.throw("Not yet implemented");
  });
});
