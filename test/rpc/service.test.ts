import type * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import type { CallContext } from "../../src/rpc/call-context.ts";
import type { Method } from "../../src/rpc/method.ts";
import {
  bindService,
  findService,
  type Implementation,
  implement,
  isService,
  ServiceError,
} from "../../src/rpc/service.ts";
import { loadSchema } from "../../src/schema/schema.ts";
import { FakeCall } from "../support/fake-call.ts";

interface Request {
  name: string;
}
interface Reply {
  message?: string;
}
/** As proto-loader-gen-types makes it. */
interface GreeterHandlers extends grpc.UntypedServiceImplementation {
  SayHello: grpc.handleUnaryCall<Request, Reply>;
  SayHelloStreamReply: grpc.handleServerStreamingCall<Request, Reply>;
  SayHelloBidiStream: grpc.handleBidiStreamingCall<Request, Reply>;
  SayHelloToAll: grpc.handleClientStreamingCall<Request, Reply>;
}
interface SnakeHandlers {
  say_numbers_twice: grpc.handleUnaryCall<Request, Reply>;
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertTypes<_T extends true>(): void {}

const schema = loadSchema(["proto", "test/support/proto"]);
const greeterSchema = schema.services.get("helloworld.Greeter")!;
const where = `helloworld.Greeter (${greeterSchema.file})`;

const handlers: Implementation<GreeterHandlers> = {
  sayHello: ({ name }) => ({ message: name }),
  async *sayHelloStreamReply({ name }) {
    yield { message: name };
  },
  async *sayHelloBidiStream(requests) {
    for await (const { name } of requests) yield { message: name };
  },
  async sayHelloToAll(requests) {
    const names: string[] = [];
    for await (const { name } of requests) names.push(name);
    return { message: names.join() };
  },
};

/** Binds untyped handlers, as JavaScript would. */
function bind(untyped: object) {
  return bindService(greeterSchema, implement("helloworld.Greeter", untyped));
}

function mistake(untyped: object): string {
  try {
    bind(untyped);
  } catch (error) {
    expect(error).to.be.instanceOf(ServiceError);
    return (error as Error).message;
  }
  throw new Error("no error");
}

describe("the types of handlers", () => {
  it("follow from the generated ones, for the four kinds", () => {
    type Greeter = Implementation<GreeterHandlers>;
    assertTypes<
      Equal<keyof Greeter, "sayHello" | "sayHelloStreamReply" | "sayHelloBidiStream" | "sayHelloToAll">
    >();
    assertTypes<Equal<Parameters<Greeter["sayHello"]>, [request: Request, call: CallContext]>>();
    assertTypes<Equal<ReturnType<Greeter["sayHello"]>, Reply | Promise<Reply>>>();
    assertTypes<Equal<Parameters<Greeter["sayHelloToAll"]>[0], AsyncIterable<Request>>>();
    assertTypes<Equal<ReturnType<Greeter["sayHelloToAll"]>, Reply | Promise<Reply>>>();
    assertTypes<Equal<Parameters<Greeter["sayHelloStreamReply"]>[0], Request>>();
    assertTypes<Equal<Parameters<Greeter["sayHelloBidiStream"]>[0], AsyncIterable<Request>>>();
    assertTypes<
      Equal<Awaited<ReturnType<Greeter["sayHelloBidiStream"]>>, Iterable<Reply> | AsyncIterable<Reply>>
    >();
    assertTypes<Equal<keyof Implementation<SnakeHandlers>, "sayNumbersTwice">>();
  });

  it("refuse what does not fit", () => {
    type Greeter = Implementation<GreeterHandlers>;
    const { sayHello, ...others } = handlers;
    // @ts-expect-error one is missing
    const missing: Greeter = others;
    // @ts-expect-error misspelt
    const misspelt: Greeter = { ...others, sayHelo: sayHello };
    // @ts-expect-error a reply of another shape
    const reply: Greeter["sayHello"] = () => ({ message: 5 });
    // @ts-expect-error one reply for a method that streams them
    const stream: Greeter["sayHelloStreamReply"] = () => ({ message: "" });
    // @ts-expect-error a request has no such field
    const request: Greeter["sayHello"] = ({ nam }) => ({ message: nam });
    // @ts-expect-error a part of the methods
    implement<GreeterHandlers>("helloworld.Greeter", { sayHello });
    expect([missing, misspelt, reply, stream, request]).to.have.length(5);
    expect(isService(implement<GreeterHandlers>("helloworld.Greeter", handlers))).to.equal(true);
  });

  it("let a handler be called directly", async () => {
    const greeter = implement<GreeterHandlers>("helloworld.Greeter", handlers);
    const { message } = await greeter.direct.sayHello({ name: "Ada" });
    expect(message).to.equal("Ada");
  });
});

/** What a method answers, by its handler. */
function answerOf(method: Method, request: object): unknown {
  const { call, writer } = new FakeCall(method);
  call.recvMessage(method.schema.request.encode(request));
  call.recvEnd();
  return method.schema.response.decode(Buffer.from(writer.messages[0]));
}

describe("a service", () => {
  it("binds a handler to each of its methods", () => {
    const bound = bind(handlers);
    expect(bound.map((method) => method.schema)).to.deep.equal(greeterSchema.methods);
    expect(answerOf(bound[0], { name: "Ada" })).to.deep.equal({ message: "Ada" });
  });

  it("takes handlers under the names of the .proto file", () => {
    const { sayHello, ...others } = handlers;
    expect(answerOf(bind({ ...others, SayHello: sayHello })[0], { name: "Ada" })).to.deep.equal({
      message: "Ada",
    });
  });

  it("turns snake_case into lowerCamelCase", () => {
    const echo = () => ({});
    const variety = implement("varied.v1.Variety", { echo, sayNumbers: echo });
    expect(bindService(schema.services.get("varied.v1.Variety")!, variety)).to.have.length(2);
  });

  it("takes an instance or a class, with this, what it inherits and methods of its own", () => {
    class Base {
      greeting = "Hello";
      sayHello(request: Request): Reply {
        return { message: this.greet(request.name) };
      }
      greet(name: string): string {
        return `${this.greeting}, ${name}`;
      }
    }
    class Greeter extends Base implements Implementation<GreeterHandlers> {
      sayHelloStreamReply = handlers.sayHelloStreamReply;
      sayHelloBidiStream = handlers.sayHelloBidiStream;
      sayHelloToAll = handlers.sayHelloToAll;
    }
    for (const greeter of [
      implement<GreeterHandlers>("helloworld.Greeter", new Greeter()),
      implement<GreeterHandlers>("helloworld.Greeter", Greeter),
    ]) {
      const [sayHello] = bindService(greeterSchema, greeter);
      expect(answerOf(sayHello, { name: "Ada" })).to.deep.equal({ message: "Hello, Ada" });
    }
  });

  it("says which handler is misspelt", () => {
    const { sayHello, ...others } = handlers;
    expect(mistake({ ...others, sayHelo: sayHello })).to.equal(
      `${where} has no handler for SayHello. Did you mean to name "sayHelo" "sayHello"?`,
    );
  });

  it("says which handlers are missing, one in a line", () => {
    const { sayHello, sayHelloToAll, ...others } = handlers;
    expect(mistake({ ...others, sayHello: 5 }).split("\n")).to.deep.equal([
      `${where} has no handler for SayHello: "sayHello" is no function.`,
      `${where} has no handler for SayHelloToAll. Add a function "sayHelloToAll".`,
    ]);
    expect([sayHello, sayHelloToAll]).to.have.length(2);
  });

  it("says which handler belongs to no method", () => {
    expect(mistake({ ...handlers, sayHelloStreamRepli() {} })).to.equal(
      `${where} has no method for the handler "sayHelloStreamRepli". Did you mean "sayHelloStreamReply"?`,
    );
    expect(mistake({ ...handlers, quux() {} })).to.match(/"quux"\. It has sayHello, sayHelloStreamReply, /);
  });

  it("says which method has two handlers", () => {
    expect(mistake({ ...handlers, SayHello() {} })).to.equal(
      `${where} has two handlers for SayHello: sayHello and SayHello.`,
    );
  });

  it("is found by its full name, or the error names the nearest", () => {
    const find = (name: string) => findService(schema, implement(name, {}));
    expect(find("helloworld.Greeter")).to.equal(greeterSchema);
    expect(() => find("helloworld.Greter")).to.throw(
      ServiceError,
      "The .proto files define no service helloworld.Greter. Did you mean helloworld.Greeter? They define " +
        "helloworld.Greeter, varied.old.Archive, varied.v1.Variety.",
    );
    expect(() => find("Greeter")).to.throw("Did you mean helloworld.Greeter?");
    expect(() => find("quite.another.Thing")).to.throw("no service quite.another.Thing. They define");
  });
});
