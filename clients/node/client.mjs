// Calls all four methods of helloworld.Greeter with @grpc/grpc-js, then shows a deadline and a cancellation.
//
//   node client.mjs --address localhost:50051 [--ca FILE]
//
// Plaintext without --ca; TLS with it. Exits with 0 when every answer was the expected one, with 1 otherwise.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { credentials, loadPackageDefinition, Metadata, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const protoFolder = fileURLToPath(new URL("../../proto", import.meta.url));
const { helloworld } = loadPackageDefinition(
  loadSync("helloworld/greeter.proto", { includeDirs: [protoFolder] }),
);

const names = ["Ada", "Grace", "Edsger"];
const inTenSeconds = () => Date.now() + 10_000;

async function unary(client) {
  const metadata = new Metadata();
  metadata.set("x-request-id", "node-1");
  metadata.set("trace-bin", Buffer.from([1, 2, 3]));
  const sayHello = (name) =>
    new Promise((resolve, reject) => {
      client.sayHello({ name }, metadata, { deadline: inTenSeconds() }, (error, reply) =>
        error ? reject(error) : resolve(reply.message),
      );
    });
  expectEqual(await sayHello(""), "Hello, world!");
  expectEqual(await sayHello("Ada"), "Hello, Ada!");
  return "Hello, Ada! (sent metadata x-request-id and trace-bin)";
}

async function serverStreaming(client) {
  const call = client.sayHelloStreamReply({ name: "Ada" }, { deadline: inTenSeconds() });
  const replies = [];
  for await (const reply of call) replies.push(reply.message);
  expect(replies.length > 1 && replies.every((text) => text.includes("Ada")), `got ${replies.join(" | ")}`);
  return replies.join(" | ");
}

async function bidirectional(client) {
  const call = client.sayHelloBidiStream({ deadline: inTenSeconds() });
  const replies = [];
  for (const name of names) call.write({ name });
  call.end();
  for await (const reply of call) replies.push(reply.message);
  expectEqual(replies.join(" "), names.map((name) => `Hello, ${name}!`).join(" "));
  return replies.join(" ");
}

function clientStreaming(client) {
  return new Promise((resolve, reject) => {
    const call = client.sayHelloToAll({ deadline: inTenSeconds() }, (error, reply) => {
      if (error) return reject(error);
      const greetsAll = names.every((name) => reply.message.includes(name));
      return greetsAll ? resolve(reply.message) : reject(new Error(`got ${reply.message}`));
    });
    for (const name of names) call.write({ name });
    call.end();
  });
}

async function quickCallBesideOpenStream(client) {
  const open = client.sayHelloBidiStream({ deadline: inTenSeconds() });
  const ended = statusOf(open);
  open.write({ name: "Ada" });
  await firstReply(open);
  const text = await unary(client);
  open.end();
  expectEqual(status[(await ended).code], "OK");
  return text;
}

async function deadline(client) {
  const { code } = await statusOf(client.sayHelloBidiStream({ deadline: Date.now() + 50 }));
  expectEqual(status[code], "DEADLINE_EXCEEDED");
  return "a stream left open ended with DEADLINE_EXCEEDED after 50 ms";
}

async function cancellation(client) {
  const call = client.sayHelloBidiStream({ deadline: inTenSeconds() });
  const ended = statusOf(call);
  call.write({ name: "Ada" });
  await firstReply(call);
  call.cancel();
  expectEqual(status[(await ended).code], "CANCELLED");
  return "cancelled after the first reply";
}

/** The one status that ends a call, whether it is an error or not. */
function statusOf(call) {
  call.on("error", () => {}); // The status below carries the same error.
  call.on("data", () => {}); // A stream that nobody reads never reaches its status.
  return new Promise((resolve) => call.once("status", resolve));
}

function firstReply(call) {
  return new Promise((resolve, reject) => {
    call.once("data", resolve);
    call.once("error", reject);
  });
}

function expectEqual(got, wanted) {
  expect(got === wanted, `got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}

const steps = {
  "SayHello, unary": unary,
  "SayHelloStreamReply, server streaming": serverStreaming,
  "SayHelloBidiStream, bidirectional": bidirectional,
  "SayHelloToAll, client streaming": clientStreaming,
  "a quick call beside an open stream": quickCallBesideOpenStream,
  "a deadline": deadline,
  "a cancellation": cancellation,
};

async function main() {
  const { values } = parseArgs({
    options: { address: { type: "string", default: "localhost:50051" }, ca: { type: "string" } },
  });
  const security = values.ca ? credentials.createSsl(readFileSync(values.ca)) : credentials.createInsecure();
  const client = new helloworld.Greeter(values.address, security);
  let failed = 0;
  for (const [name, step] of Object.entries(steps)) {
    try {
      console.log(`ok      ${name}: ${await step(client)}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}: ${error.message}`);
    }
  }
  client.close();
  process.exitCode = failed > 0 ? 1 : 0;
}

await main();
