import type { MethodKind } from "../schema/types.ts";

/** What the server knows of itself once it listens. */
export interface StartUpFacts {
  readonly version: string;
  /** What is really listened on, with the port the system chose. */
  readonly addresses: readonly BoundAddress[];
  /** One line: whose certificate, signed by whom, until when. Absent when TLS is not offered. */
  readonly credentials?: string | undefined;
  /** For a development certificate: the file of the authority that clients are to trust. */
  readonly caPath?: string | undefined;
  readonly plaintext: "loopback" | "always" | "never";
  readonly services: readonly ServiceSummary[];
  readonly routes: readonly { readonly methods: readonly string[]; readonly path: string }[];
  /** Sentences from the configuration and the certificate. */
  readonly warnings: readonly string[];
  /** As in `v22.1.0`; default: that of this process, as with the two below. */
  readonly nodeVersion?: string;
  readonly pid?: number;
  /** From the start of the process to the first connection it could have taken, in milliseconds. */
  readonly readyMs?: number;
}

export interface BoundAddress {
  /** An IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface ServiceSummary {
  readonly name: string;
  readonly methods: readonly { readonly name: string; readonly kind: MethodKind }[];
  /** The .proto file, as grpcurl can be given it. */
  readonly file?: string;
}

const MAX_LINES = 12;
const MAX_COLUMNS = 119;
const LABEL_COLUMNS = 12;
const KIND_NOTES: Record<MethodKind, string> = {
  unary: "",
  "server-stream": " (server stream)",
  "client-stream": " (client stream)",
  bidi: " (both ways)",
};

/**
 * Says in at most 12 lines of less than 120 columns what is served where and to whom, what is risky about it, and
 * how to try it: the commands can be copied as they stand.
 */
export function startUpReport(facts: StartUpFacts): string[] {
  const { version, nodeVersion = process.version, pid = process.pid, readyMs = performance.now() } = facts;
  const head = [
    `Yodel ${version} is ready after ${Math.round(readyMs)} ms (Node.js ${nodeVersion}, process ${pid})`,
    labelled("listening", `on ${joinFitting(describeAddresses(facts.addresses), "on ".length)}`),
    labelled("TLS", facts.credentials ?? "not offered"),
    labelled("plaintext", describePlaintext(facts)),
  ];
  const routes = facts.routes.map(({ methods, path }) => `${methods.join("|")} ${path}`);
  const foot = [
    ...(routes.length === 0 ? [] : [labelled("routes", joinFitting(routes))]),
    ...indentRest("try", proofs(facts)),
  ];
  const room = MAX_LINES - head.length - foot.length;
  const warnings = indentRest("warning", sumUp([...risks(facts), ...facts.warnings], room - 1));
  const services = indentRest("services", sumUp(describeServices(facts.services), room - warnings.length));
  return [...head, ...services, ...foot, ...warnings].map(cut);
}

function describeServices(services: readonly ServiceSummary[]): string[] {
  if (services.length === 0)
    return ["none yet: put .proto files into proto/ and implement them in src/services/"];
  return services.map(({ name, methods }) => {
    const used = name.length + 2;
    const noted = methods.map((method) => method.name + KIND_NOTES[method.kind]).join(", ");
    if (LABEL_COLUMNS + used + noted.length <= MAX_COLUMNS) return `${name}: ${noted}`;
    const names = methods.map((method) => method.name);
    return `${name}: ${joinFitting(names, used)}`;
  });
}

function describeAddresses(addresses: readonly BoundAddress[]): string[] {
  const texts = addresses.map(describeAddress);
  for (const { port } of addresses) {
    // What `localhost` was resolved to is shown as what was asked for.
    const pair = [`127.0.0.1:${port}`, `[::1]:${port}`];
    if (!pair.every((text) => texts.includes(text))) continue;
    texts[texts.indexOf(pair[0])] = `localhost:${port} (127.0.0.1 and ::1)`;
    texts.splice(texts.indexOf(pair[1]), 1);
  }
  return texts;
}

function describeAddress(address: BoundAddress): string {
  const { host } = address;
  const text = hostPort(address);
  if (host === "0.0.0.0") return `${text} (every IPv4 address of this machine)`;
  return host === "::" ? `${text} (every address of this machine)` : text;
}

function describePlaintext({ plaintext, credentials }: StartUpFacts): string {
  const aside = credentials === undefined ? "" : " on the same port";
  switch (plaintext) {
    case "always":
      return `accepted from everywhere${aside}`;
    case "loopback":
      return `accepted from this machine only${aside}`;
    case "never":
      return "refused";
  }
}

// ── Risks ─────────────────────────────────────────────────────────────────────────────────────────────────────

function risks({ addresses, plaintext, caPath }: StartUpFacts): string[] {
  const open = addresses.find((address) => !isLoopback(address));
  if (open === undefined) return [];
  const found: string[] = [];
  if (plaintext === "always") {
    found.push(`plaintext on ${hostPort(open)}: whoever is on the way can read and change calls`);
  }
  if (caPath !== undefined) {
    found.push("the development certificate is for localhost only; for others use --tls-cert and --tls-key");
  }
  return found;
}

function isLoopback({ host }: BoundAddress): boolean {
  return host === "::1" || host.startsWith("127.");
}

// ── Proofs ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Commands that show that it works. One that fits its line in no form is left out: half a command is none. */
function proofs(facts: StartUpFacts): string[] {
  const target = proofTarget(facts.addresses);
  if (target === undefined) return [];
  const ways = proofWays(facts, target);
  const call = proofCall(facts.services, hostPort(target));
  const path = facts.routes.find(({ methods }) => methods.includes("GET"))?.path ?? "/";
  const commands = [
    ways.map(({ grpcurl }) => `grpcurl ${grpcurl} ${call}`),
    ways.map(({ curl }) => `curl ${curl}://${hostPort(target)}${path}`),
  ];
  const fits = (command: string) => LABEL_COLUMNS + command.length <= MAX_COLUMNS;
  return commands.flatMap((forms) => forms.find(fits) ?? []);
}

/** Where this machine reaches the server; `localhost` if it can, since a development certificate names that. */
function proofTarget(addresses: readonly BoundAddress[]): BoundAddress | undefined {
  const near = addresses.find((address) => isLoopback(address) || isWildcard(address));
  return near === undefined ? addresses[0] : { ...near, host: "localhost" };
}

function isWildcard({ host }: BoundAddress): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** How a client of this machine may connect, the best way first. */
function proofWays({ credentials, caPath, plaintext }: StartUpFacts, { host }: BoundAddress) {
  const checked = { grpcurl: `-cacert ${caPath}`, curl: `--cacert ${caPath} https` };
  const bare = { grpcurl: "-plaintext", curl: "http" };
  // A certificate that names another host cannot be checked from here.
  const unchecked = { grpcurl: "-insecure", curl: "--insecure https" };
  const isPlaintextTaken = plaintext === "always" || (plaintext === "loopback" && host === "localhost");
  return [
    ...(caPath === undefined ? [] : [checked]),
    ...(isPlaintextTaken || credentials === undefined ? [bare] : []),
    unchecked,
  ];
}

/** A unary call of the application's first service; with the .proto file where there is no reflection to ask. */
function proofCall(services: readonly ServiceSummary[], target: string): string {
  const hasReflection = services.some(({ name }) => name.startsWith("grpc.reflection."));
  const service = services.find(({ name }) => !name.startsWith("grpc.")) ?? services[0];
  const method = service?.methods.find(({ kind }) => kind === "unary") ?? service?.methods[0];
  if (service === undefined || method === undefined) return `${target} list`;
  const file = hasReflection || service.file === undefined ? "" : `-proto ${service.file} `;
  return `${file}${target} ${service.name}/${method.name}`;
}

function hostPort({ host, port }: BoundAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

// ── Lines ─────────────────────────────────────────────────────────────────────────────────────────────────────

function labelled(label: string, text: string): string {
  return `  ${label}`.padEnd(LABEL_COLUMNS) + text;
}

function indentRest(label: string, texts: readonly string[]): string[] {
  return texts.map((text, i) => labelled(i === 0 ? label : "", text));
}

/** At most `room` texts, the last of which says how many are left out. */
function sumUp(texts: readonly string[], room: number): readonly string[] {
  if (texts.length <= room) return texts;
  return [...texts.slice(0, room - 1), `… and ${texts.length - room + 1} more`];
}

/** As many items as the line holds behind `used` columns, then how many are left out. */
function joinFitting(items: readonly string[], used = 0): string {
  const room = MAX_COLUMNS - LABEL_COLUMNS - used;
  const whole = items.join(", ");
  if (whole.length <= room) return whole;
  let text = items[0];
  let taken = 1;
  while (`${text}, ${items[taken]} … and ${items.length} more`.length <= room) {
    text += `, ${items[taken]}`;
    taken += 1;
  }
  return taken === items.length ? text : `${text} … and ${items.length - taken} more`;
}

function cut(line: string): string {
  return line.length <= MAX_COLUMNS ? line : `${line.slice(0, MAX_COLUMNS - 1)}…`;
}
