import type { GreeterHandlers } from "../generated/helloworld/Greeter.ts";
import { implement } from "../index.ts";

/** The ways to say hello, for the method that says it in all of them. */
const GREETINGS = ["Hello", "Hallo", "Bonjour", "Hola", "Ciao"];

const greet = (name: string, greeting = "Hello") => `${greeting}, ${name || "world"}!`;

/** helloworld.Greeter, in all four ways that an RPC can be shaped. */
export const greeter = implement<GreeterHandlers>("helloworld.Greeter", {
  sayHello: ({ name }) => ({ message: greet(name) }),

  async *sayHelloStreamReply({ name }) {
    for (const greeting of GREETINGS) yield { message: greet(name, greeting) };
  },

  async *sayHelloBidiStream(requests) {
    for await (const { name } of requests) yield { message: greet(name) };
  },

  async sayHelloToAll(requests) {
    const names: string[] = [];
    for await (const { name } of requests) names.push(name || "world");
    return { message: greet(names.join(", ")) };
  },
});
