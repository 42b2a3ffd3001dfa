import { fileURLToPath } from "node:url";
import {
  addresses,
  choice,
  count,
  duration,
  folder,
  folders,
  optionalFile,
  size,
  toggle,
  type ValueKind,
} from "./value-kinds.ts";

/** One setting: a flag, an environment variable (see {@link variableOf}) and a default. */
export interface Option<T> {
  /** Without the dashes: `listen`. */
  readonly flag: string;
  readonly group: Group;
  readonly kind: ValueKind<T>;
  readonly byDefault: NoInfer<T>;
  /** What stands in the help for a default that the kind cannot print. */
  readonly defaultText?: string;
  /** The default under `--edge`. */
  readonly edge?: NoInfer<T>;
  readonly help: string;
}

/** The headings of the help, in their order. */
export const groups = [
  "Listening",
  "Services",
  "Stopping",
  "Connections",
  "Streams and messages",
  "Logging",
] as const;
export type Group = (typeof groups)[number];

function option<T>(settings: Option<T>): Option<T> {
  return settings;
}

const SECOND_MS = 1000;
const MiB = 2 ** 20;
const MAX_UINT31 = 2 ** 31 - 1;
const NEVER = Number.POSITIVE_INFINITY;

/** Every option of the server, by its name in {@link Config}. Names end in their unit where they have one. */
export const options = {
  listen: option({
    flag: "listen",
    group: "Listening",
    kind: addresses,
    byDefault: [{ host: "localhost", port: 8443 }],
    help:
      "Where to listen; may be given several times or with commas. localhost means 127.0.0.1 and ::1; " +
      ":8443 and [::]:8443 mean every address of the machine. Port 0 lets the system choose.",
  }),
  tlsCert: option({
    flag: "tls-cert",
    group: "Listening",
    kind: optionalFile,
    byDefault: undefined,
    defaultText: "a development one in .yodel/",
    help: "The certificate in PEM, followed by those of the authorities in between. Needs --tls-key.",
  }),
  tlsKey: option({
    flag: "tls-key",
    group: "Listening",
    kind: optionalFile,
    byDefault: undefined,
    defaultText: "a development one in .yodel/",
    help: "The certificate's private key in PEM, not encrypted. Needs --tls-cert.",
  }),
  tlsClientCa: option({
    flag: "tls-client-ca",
    group: "Listening",
    kind: optionalFile,
    byDefault: undefined,
    defaultText: "no certificate is asked for",
    help: "Authorities in PEM: over TLS, only clients whose certificate one of them has signed are let in.",
  }),
  plaintext: option({
    flag: "plaintext",
    group: "Listening",
    kind: choice(["loopback", "always", "never"], "always"),
    byDefault: "loopback",
    help:
      "Where HTTP/2 and HTTP/1.1 without TLS are accepted, on the same port as TLS: on loopback addresses only, " +
      "everywhere (for a server behind a proxy or in a mesh), or nowhere. --plaintext alone means always.",
  }),
  proto: option({
    flag: "proto",
    group: "Services",
    kind: folders,
    byDefault: ["proto"],
    help: "A folder with .proto files, which is also searched for imports; may be given several times or with commas.",
  }),
  services: option({
    flag: "services",
    group: "Services",
    kind: folder,
    byDefault: fileURLToPath(new URL("../services", import.meta.url)),
    defaultText: "services beside server.js",
    help: "The folder with the compiled services; each file exports what implements a service.",
  }),
  gracePeriodMs: option({
    flag: "grace-period",
    group: "Stopping",
    kind: duration(),
    byDefault: 30 * SECOND_MS,
    help: "How long running calls may take to finish after SIGTERM or SIGINT. A second signal ends them at once.",
  }),
  maxConnections: option({
    flag: "max-connections",
    group: "Connections",
    kind: count({ min: 1 }),
    byDefault: 10_000,
    help: "Connections of the process; beyond it, new ones are closed.",
  }),
  maxConnectionsPerAddress: option({
    flag: "max-connections-per-address",
    group: "Connections",
    kind: count({ min: 0 }),
    byDefault: 0,
    help: "Connections of one client address; 0 means no limit, as a proxy brings all clients from one address.",
  }),
  maxConnectionAgeMs: option({
    flag: "max-connection-age",
    group: "Connections",
    kind: duration({ off: true }),
    byDefault: NEVER,
    help: "After this, give or take a tenth, a connection is told to go, so that clients spread over new servers.",
  }),
  maxConnectionAgeGraceMs: option({
    flag: "max-connection-age-grace",
    group: "Connections",
    kind: duration({ off: true }),
    byDefault: NEVER,
    help: "How long the calls of such a connection may go on before they are cut; off waits for them.",
  }),
  maxConnectionIdleMs: option({
    flag: "max-connection-idle",
    group: "Connections",
    kind: duration({ off: true }),
    byDefault: NEVER,
    help: "A connection without calls for so long is told to go.",
  }),
  keepaliveTimeMs: option({
    flag: "keepalive-time",
    group: "Connections",
    kind: duration({ off: true, min: SECOND_MS }),
    byDefault: 7200 * SECOND_MS,
    help: "A connection that was silent for so long is sent a PING.",
  }),
  keepaliveTimeoutMs: option({
    flag: "keepalive-timeout",
    group: "Connections",
    kind: duration({ min: 1 }),
    byDefault: 20 * SECOND_MS,
    help: "How long the answer to that PING may take before the connection counts as dead.",
  }),
  maxConcurrentStreams: option({
    flag: "max-concurrent-streams",
    group: "Streams and messages",
    kind: count({ min: 1, max: MAX_UINT31 }),
    byDefault: 1024,
    edge: 100,
    help: "Calls that one connection may have open at once.",
  }),
  maxReceiveMessageBytes: option({
    flag: "max-receive-message-size",
    group: "Streams and messages",
    kind: size({ unlimited: true }),
    byDefault: 4 * MiB,
    help: "A larger request message fails its call with RESOURCE_EXHAUSTED.",
  }),
  maxSendMessageBytes: option({
    flag: "max-send-message-size",
    group: "Streams and messages",
    kind: size({ unlimited: true }),
    byDefault: Number.POSITIVE_INFINITY,
    help: "A larger response message fails its call with RESOURCE_EXHAUSTED.",
  }),
  compressReplies: option({
    flag: "compress-replies",
    group: "Streams and messages",
    kind: choice(["match", "always", "never"]),
    byDefault: "match",
    help:
      "When replies are compressed, for clients that accept gzip or deflate: match does it for those that compress " +
      "their requests.",
  }),
  compressMinBytes: option({
    flag: "compress-min-size",
    group: "Streams and messages",
    kind: size(),
    byDefault: 1024,
    help: "Smaller replies are sent as they are.",
  }),
  defaultTimeoutMs: option({
    flag: "default-timeout",
    group: "Streams and messages",
    kind: duration({ off: true, min: 1 }),
    byDefault: NEVER,
    help: "The deadline of a call whose client names none.",
  }),
  maxTimeoutMs: option({
    flag: "max-timeout",
    group: "Streams and messages",
    kind: duration({ off: true, min: 1 }),
    byDefault: NEVER,
    help: "The longest that a call may take, whatever deadline its client names.",
  }),
  memoryBudgetBytes: option({
    flag: "memory-budget",
    group: "Streams and messages",
    kind: size(),
    byDefault: 256 * MiB,
    help: "Received bytes that may wait for handlers, over all connections; beyond it, new calls are refused.",
  }),
  edge: option({
    flag: "edge",
    group: "Streams and messages",
    kind: toggle,
    byDefault: false,
    help: "Defaults for a server that faces the internet without a proxy: 100 streams on a connection.",
  }),
  push: option({
    flag: "push",
    group: "Streams and messages",
    kind: toggle,
    byDefault: true,
    help: "Never use HTTP/2 server push, even where a client allows it.",
  }),
  logLevel: option({
    flag: "log-level",
    group: "Logging",
    kind: choice(["trace", "debug", "info", "warn", "error", "silent"]),
    byDefault: "info",
    help: "The least important thing that is logged.",
  }),
  logFormat: option({
    flag: "log-format",
    group: "Logging",
    kind: choice(["auto", "pretty", "json"]),
    byDefault: "auto",
    help: "Lines for people or one JSON object for each line; auto is pretty on a terminal.",
  }),
} as const;

export type ConfigKey = keyof typeof options;

/** Every setting of a server, checked. Durations in milliseconds, sizes in bytes; `Infinity` means never, or no limit. */
export type Config = {
  readonly [Key in ConfigKey]: (typeof options)[Key] extends Option<infer T> ? T : never;
};

/** The table as a list, for whoever treats all options alike. */
export const optionList = Object.entries(options) as unknown as readonly [ConfigKey, Option<unknown>][];

/** `YODEL_LISTEN` for `--listen`. */
export function variableOf({ flag }: { readonly flag: string }): string {
  return `YODEL_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/** The flag as the help shows it: a switch that is on by default is shown as the flag that switches it off. */
export function flagOf({ flag, byDefault }: { readonly flag: string; readonly byDefault: unknown }): string {
  return byDefault === true ? `--no-${flag}` : `--${flag}`;
}

/** Flags that ask for something else than a running server. */
export const actions = [
  { flag: "help", short: "h", help: "Show this text." },
  { flag: "version", short: "v", help: "Show the version." },
  { flag: "print-config", short: undefined, help: "Show every setting and where it comes from." },
] as const;
export type Action = "run" | (typeof actions)[number]["flag"];
