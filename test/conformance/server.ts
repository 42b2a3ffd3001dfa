// A server for connectconformance, which starts one for each of its configurations: it says on standard input how the
// server is to be, and learns on standard output where it listens. Both are a message behind its length of 4 bytes.
import { fileURLToPath } from "node:url";
import { type Codec, createServer, loadSchema, type Schema, type ServerOptions } from "../../src/index.ts";
import type { ServerCompatRequest } from "./server-messages.ts";
import { conformanceService } from "./server-service.ts";

const LENGTH_BYTES = 4;
const HOST = "127.0.0.1";
const UNIMPLEMENTED_PATH = "/connectrpc.conformance.v1.ConformanceService/Unimplemented";

async function main(): Promise<void> {
  const schema = loadSchema([fileURLToPath(new URL("proto", import.meta.url))]);
  const request = await readRequest(codecOf(schema, "ServerCompatRequest"));
  const server = createServer(optionsFor(request, schema));
  server.addService(conformanceService(schema));
  // The proto file wants this method to be answered as one that is not there.
  server.removeMethod(UNIMPLEMENTED_PATH);
  const { port } = await server.listen({ host: HOST, port: 0 });
  const pemCert = request.useTls ? request.serverCreds?.cert : undefined;
  writeResponse(codecOf(schema, "ServerCompatResponse").encode({ host: HOST, port, pemCert }));
  process.once("SIGTERM", () => {
    server.destroy();
    process.exit();
  });
}

function optionsFor(request: ServerCompatRequest, schema: Schema): ServerOptions {
  const { useTls, serverCreds, clientTlsCert, messageReceiveLimit } = request;
  const tls = useTls && serverCreds !== null && { cert: serverCreds.cert, key: serverCreds.key };
  const clientCa = clientTlsCert.length > 0 && { clientCa: clientTlsCert.toString() };
  return {
    schema,
    ...(tls && { tls: { ...tls, ...clientCa } }),
    plaintext: useTls ? "never" : "always",
    ...(messageReceiveLimit > 0 && { messageLimits: { maxReceiveBytes: messageReceiveLimit } }),
    // A client that accepts compressed replies gets them, whatever their size.
    compression: { replies: "always", minBytes: 0 },
    log: { debug() {}, warn: console.error, error: console.error },
  };
}

function codecOf(schema: Schema, name: string): Codec {
  const codec = schema.codec(`connectrpc.conformance.v1.${name}`);
  if (codec === undefined) throw new Error(`The .proto files define no ${name}`);
  return codec;
}

async function readRequest(codec: Codec): Promise<ServerCompatRequest> {
  let received = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    received = Buffer.concat([received, chunk as Buffer]);
    if (received.length < LENGTH_BYTES) continue;
    const end = LENGTH_BYTES + received.readUInt32BE();
    if (received.length >= end)
      return codec.decode(received.subarray(LENGTH_BYTES, end)) as ServerCompatRequest;
  }
  throw new Error(`The runner closed its end after ${received.length} bytes, inside its request`);
}

function writeResponse(message: Uint8Array): void {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(message.length);
  process.stdout.write(Buffer.concat([length, message]));
}

await main();
