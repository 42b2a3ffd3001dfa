// gRPC's interop test server: what gRPC's test clients of all languages call.
//
//   node --import tsx test/interop/server.ts [--listen HOST:PORT] [--tls]
//
// Prints its address once it listens; with port 0 the system chooses the port. Plaintext without --tls; with it, TLS
// alone, by gRPC's well-known test certificate (for *.test.google.fr). Ends in good order on SIGTERM and SIGINT.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  createServer,
  type ListenAddress,
  LoadReport,
  loadSchema,
  orcaService,
  type Server,
} from "../../src/index.ts";
import { testService } from "./test-service.ts";

/** gRPC's test client asks for a report each second, and gives up after 30. */
const REPORT_INTERVAL_MS = 1000;
const GRACE_MS = 2000;

function makeServer(useTls: boolean): Server {
  const server = createServer({
    schema: loadSchema([pathOf("proto")]),
    ...(useTls && { tls: { cert: textOf("tls/server1.pem"), key: textOf("tls/server1.key") } }),
    plaintext: useTls ? "never" : "always",
    // Each message says whether it is to be compressed, however small it is and whatever the client does itself.
    compression: { replies: "always", minBytes: 0 },
    log: { debug() {}, warn: console.error, error: console.error },
  });
  const report = new LoadReport();
  server.addService(testService(report));
  server.addService(orcaService(report, REPORT_INTERVAL_MS));
  // "The test server will not implement this method": so it must not be there, rather than answer as if it were not.
  server.removeMethod("/grpc.testing.TestService/UnimplementedCall");
  return server;
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function textOf(name: string): string {
  return readFileSync(pathOf(name), "utf8");
}

function parseAddress(text: string): ListenAddress {
  const match = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) {
    console.error(`--listen wants HOST:PORT, such as 127.0.0.1:0, not "${text}"`);
    process.exit(2);
  }
  return { host: match[1] ?? (match[2] as string), port: Number(match[3]) };
}

function showAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

const { values } = parseArgs({
  options: {
    listen: { type: "string", default: "127.0.0.1:10000" },
    tls: { type: "boolean", default: false },
  },
});
const server = makeServer(values.tls);
const endpoint = await server.listen(parseAddress(values.listen));
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => server.close(GRACE_MS).then(() => process.exit()));
}
console.log(showAddress(endpoint));
