import type { GreeterHandlers } from "../generated/helloworld/Greeter.ts";
import { type CallContext, implement, RpcError, StatusCode } from "../index.ts";

/** The ways to say hello, for the method that says it in all of them. */
const GREETINGS = ["Hello", "Hallo", "Bonjour", "Hola", "Ciao"];

const MAX_NAME_LENGTH = 10_000;

const greet = (name: string, greeting = "Hello") => `${greeting}, ${name || "world"}!`;

/** helloworld.Greeter, in all four ways that an RPC can be shaped. */
export const greeter = implement<GreeterHandlers>("helloworld.Greeter", {
  sayHello({ name }, call) {
    returnRequestId(call);
    return { message: greet(checked(name)) };
  },

  async *sayHelloStreamReply({ name }, call) {
    returnRequestId(call);
    checked(name);
    for (const greeting of GREETINGS) yield { message: greet(name, greeting) };
  },

  async *sayHelloBidiStream(requests, call) {
    returnRequestId(call);
    for await (const { name } of requests) yield { message: greet(checked(name)) };
  },

  async sayHelloToAll(requests, call) {
    returnRequestId(call);
    const names: string[] = [];
    for await (const { name } of requests) names.push(checked(name) || "world");
    return { message: greet(names.join(", ")) };
  },
});

/** A client that names its call can find the name again in both its logs and those of others. */
function returnRequestId(call: CallContext): void {
  const id = call.metadata.get("x-request-id");
  if (id !== undefined) call.responseMetadata.set("x-request-id", id);
}

/** @throws RpcError that says which field is wrong, in a way that programs can read as well */
function checked(name: string): string {
  if (name.length <= MAX_NAME_LENGTH) return name;
  const description = `has ${name.length} characters, and may have ${MAX_NAME_LENGTH}`;
  throw new RpcError(StatusCode.INVALID_ARGUMENT, `The name ${description}`, {
    details: [{ type: "google.rpc.BadRequest", fieldViolations: [{ field: "name", description }] }],
  });
}
