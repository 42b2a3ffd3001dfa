#!/usr/bin/env node
import { readFileSync } from "node:fs";
import {
  type Config,
  ConfigError,
  exitCodes,
  helpText,
  loadConfig,
  printConfig,
  UsageError,
} from "./config.ts";
import { createLog } from "./observability/log.ts";
import { startUpReport } from "./observability/start-up.ts";
import { createServer } from "./protocols/create-server.ts";
import { ListenError, listenOn } from "./rpc/listen.ts";
import type { ServerOptions } from "./rpc/server.ts";
import { ServiceError } from "./rpc/service.ts";
import { loadServiceFolder, ServiceFolderError } from "./rpc/service-folder.ts";
import { stopOnSignals } from "./rpc/signals.ts";
import { loadSchema, SchemaError } from "./schema/schema.ts";
import {
  CredentialsError,
  loadAuthorities,
  loadCredentials,
  type TlsCredentials,
} from "./transport/credentials.ts";
import { developmentCertificate } from "./transport/dev-certificate.ts";

/** Mistakes of whoever starts the server: they are told in words, without a stack. */
const mistakes = [
  UsageError,
  ConfigError,
  SchemaError,
  ServiceError,
  ServiceFolderError,
  CredentialsError,
  ListenError,
];

const packageUrl = new URL("../package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(packageUrl, "utf8")) as { version: string };

async function main(): Promise<void> {
  const result = loadConfig(process.argv.slice(2), process.env);
  if (result.action === "help") process.stdout.write(helpText());
  else if (result.action === "version") console.log(version);
  else if (result.action === "print-config") process.stdout.write(printConfig(result));
  else await run(result.config, result.warnings);
}

/** Config → server → services → listen → signals. */
async function run(config: Config, configWarnings: readonly string[]): Promise<void> {
  const log = createLog({ level: config.logLevel, format: config.logFormat });
  const { credentials, caPath } = await findCredentials(config);
  const server = createServer(serverOptions(config, credentials, log));
  const contents = await loadServiceFolder(config.services);
  for (const { service } of contents.services) server.addService(service);
  for (const { route } of contents.routes) server.addRoute(route);
  const addresses = await listenOn(server, config.listen);

  const report = startUpReport({
    version,
    addresses,
    caPath,
    credentials: describeTls(config, credentials),
    plaintext: config.plaintext,
    services: server.services,
    routes: contents.routes.map(({ route }) => route),
    warnings: [...configWarnings, ...credentials.warnings],
  });
  // Before anybody is told that the server is there: who reads that may stop it at once.
  stopOnSignals(server, config.gracePeriodMs, log);
  for (const line of report) log.info(line);
}

function describeTls({ tlsClientCa }: Config, credentials: TlsCredentials): string {
  const clients = tlsClientCa === undefined ? "" : `; clients need a certificate by ${tlsClientCa}`;
  return credentials.describe() + clients;
}

async function findCredentials(
  config: Config,
): Promise<{ credentials: TlsCredentials; caPath: string | undefined }> {
  const { tlsCert, tlsKey } = config;
  if (tlsCert !== undefined && tlsKey !== undefined) {
    return { credentials: loadCredentials({ certPath: tlsCert, keyPath: tlsKey }), caPath: undefined };
  }
  return developmentCertificate();
}

function serverOptions(config: Config, tls: TlsCredentials, log: ServerOptions["log"]): ServerOptions {
  return {
    schema: loadSchema(config.proto),
    tls: { cert: tls.cert, key: tls.key, ...clientCa(config) },
    log: log!,
    plaintext: config.plaintext,
    push: config.push,
    limits: {
      maxConnections: config.maxConnections,
      maxConnectionsPerAddress: config.maxConnectionsPerAddress,
      maxConcurrentStreams: config.maxConcurrentStreams,
      memoryBudgetBytes: config.memoryBudgetBytes,
    },
    messageLimits: {
      maxReceiveBytes: config.maxReceiveMessageBytes,
      maxSendBytes: config.maxSendMessageBytes,
    },
    compression: { replies: config.compressReplies, minBytes: config.compressMinBytes },
    timeouts: { defaultMs: config.defaultTimeoutMs, maxMs: config.maxTimeoutMs },
    lifetime: {
      maxAgeMs: config.maxConnectionAgeMs,
      maxAgeGraceMs: config.maxConnectionAgeGraceMs,
      maxIdleMs: config.maxConnectionIdleMs,
      keepaliveTimeMs: config.keepaliveTimeMs,
      keepaliveTimeoutMs: config.keepaliveTimeoutMs,
    },
  };
}

function clientCa({ tlsClientCa }: Config): { clientCa?: string } {
  return tlsClientCa === undefined ? {} : { clientCa: loadAuthorities(tlsClientCa) };
}

main().catch((error: unknown) => {
  const isMistake = mistakes.some((kind) => error instanceof kind);
  console.error(isMistake ? (error as Error).message : error);
  // What was opened before the mistake showed would keep the process alive.
  process.exit(exitCodeOf(error, isMistake));
});

function exitCodeOf(error: unknown, isMistake: boolean): number {
  if (error instanceof UsageError) return exitCodes.usage;
  return isMistake ? exitCodes.configuration : exitCodes.failure;
}
