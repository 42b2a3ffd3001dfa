// Calls all four methods of helloworld.Greeter with @grpc/grpc-js, then shows metadata, a deadline, a cancellation,
// an error with details and compression.
//
//   node client.mjs --address localhost:50051 [--ca FILE]
//
// Plaintext without --ca; TLS with it. Exits with 0 when every answer was the expected one, with 1 otherwise.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compressionAlgorithms, credentials, loadPackageDefinition, Metadata, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const includeDirs = ["../../proto", "../../vendor/proto"].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);
const protos = ["helloworld/greeter.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"];
const definitions = loadSync(protos, { includeDirs });
const { helloworld } = loadPackageDefinition(definitions);

const names = ["Ada", "Grace", "Edsger"];
const inTenSeconds = () => Date.now() + 10_000;

function sayHello(client, name) {
  return new Promise((resolve, reject) => {
    client.sayHello({ name }, { deadline: inTenSeconds() }, (error, reply) =>
      error ? reject(error) : resolve(reply.message),
    );
  });
}

async function unary(client) {
  expectEqual(await sayHello(client, ""), "Hello, world!");
  expectEqual(await sayHello(client, "Ada"), "Hello, Ada!");
  return "Hello, Ada!";
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

/** The server sends the metadatum x-request-id back, before its reply. */
async function metadata(client) {
  const sent = new Metadata();
  sent.set("x-request-id", "node-1");
  sent.set("trace-bin", Buffer.from([1, 2, 3])); // A value of bytes has a key that ends in -bin.
  const received = await new Promise((resolve, reject) => {
    const call = client.sayHello({ name: "Ada" }, sent, { deadline: inTenSeconds() }, (error) => {
      if (error) reject(error);
    });
    call.once("metadata", resolve);
  });
  expectEqual(received.get("x-request-id").join(), "node-1");
  return "x-request-id: node-1 came back";
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
  const { code } = await statusOf(client.sayHelloBidiStream({ deadline: Date.now() + 200 }));
  expectEqual(status[code], "DEADLINE_EXCEEDED");
  return "a stream left open ended with DEADLINE_EXCEEDED after 200 ms";
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

async function richError(client) {
  const error = await sayHello(client, "a".repeat(10_001)).catch((error) => error);
  expectEqual(status[error.code], "INVALID_ARGUMENT");
  expect(error.metadata.get("grpc-status-details-bin").length === 1, "no details came with it");
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const { code, details } = definitions["google.rpc.Status"].deserialize(bytes);
  expectEqual(status[code], "INVALID_ARGUMENT");
  expectEqual(details[0].type_url, "type.googleapis.com/google.rpc.BadRequest");
  const { fieldViolations } = definitions["google.rpc.BadRequest"].deserialize(details[0].value);
  expectEqual(fieldViolations.map(({ field }) => field).join(), "name");
  return `INVALID_ARGUMENT, field name: ${fieldViolations[0].description}`;
}

/** The library decompresses replies without telling which ones; the clients in Go, Java and Rust can see it. */
async function compression(_client, newClient) {
  const client = newClient({ "grpc.default_compression_algorithm": compressionAlgorithms.gzip });
  const name = "a".repeat(5_000);
  const reply = await sayHello(client, name).finally(() => client.close());
  expectEqual(reply, `Hello, ${name}!`);
  return "greeted a name of 5000 characters, sent with gzip";
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
  "metadata both ways": metadata,
  "a quick call beside an open stream": quickCallBesideOpenStream,
  "a deadline": deadline,
  "a cancellation": cancellation,
  "an error with details": richError,
  gzip: compression,
};

async function main() {
  const { values } = parseArgs({
    options: { address: { type: "string", default: "localhost:50051" }, ca: { type: "string" } },
  });
  const security = values.ca ? credentials.createSsl(readFileSync(values.ca)) : credentials.createInsecure();
  const newClient = (options) => new helloworld.Greeter(values.address, security, options);
  const client = newClient();
  let failed = 0;
  for (const [name, step] of Object.entries(steps)) {
    try {
      console.log(`ok      ${name}: ${await step(client, newClient)}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}: ${error.message}`);
    }
  }
  client.close();
  process.exitCode = failed > 0 ? 1 : 0;
}

await main();
