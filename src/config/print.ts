import { exitCodes } from "./errors.ts";
import {
  actions,
  type Config,
  type ConfigKey,
  flagOf,
  groups,
  type Option,
  optionList,
  variableOf,
} from "./options.ts";

/** Where a setting comes from. */
export type Origin = "flag" | "environment" | "edge" | "default";

const WIDTH = 100;
/** Where the explanations begin: behind the longest flag with its placeholder. */
const COLUMN = 39;

const intro = `Yodel serves gRPC over HTTP/2. Put .proto files into proto/ and implement them in src/services/;
every gRPC client, grpcurl, curl and a browser can then call them on one port.

Usage: yodel [flags]          in a checkout: npm start -- [flags]

Each setting is a flag, an environment variable and a default; the first that is given counts.`;

const examples = `Examples
  yodel                                    TLS with a development certificate on localhost:8443
  yodel --listen :8443 --tls-cert cert.pem --tls-key key.pem
  yodel --listen 0.0.0.0:50051 --plaintext         behind a proxy or in a mesh, without TLS
  yodel --listen 127.0.0.1:0 --log-format json     a port that the system chooses
  YODEL_LOG_LEVEL=debug yodel --print-config       what would hold, and why`;

const exits = `Exit codes
  ${exitCodes.ok}  the server was told to stop, and did
  ${exitCodes.failure}  it failed while it ran
  ${exitCodes.usage}  a flag is unknown or has a bad value
  ${exitCodes.configuration}  it cannot start: protos, services, certificates, the environment, a port in use`;

/** What `--help` shows: every option with its variable and its default, examples, exit codes. Ends in a line break. */
export function helpText(): string {
  const sections = groups.map((group) => {
    const entries = optionList.filter(([, option]) => option.group === group);
    return [group, ...entries.flatMap(([, option]) => describeOption(option))].join("\n");
  });
  const others = actions.map(({ flag, short, help }) =>
    entry(short === undefined ? `--${flag}` : `-${short}, --${flag}`, [help]),
  );
  return `${[intro, ...sections, ["Other", ...others.flat()].join("\n"), examples, exits].join("\n\n")}\n`;
}

function describeOption(option: Option<unknown>): string[] {
  const { kind, help, byDefault, defaultText = kind.print(byDefault) } = option;
  const edge = option.edge === undefined ? "" : `, edge ${kind.print(option.edge)}`;
  const origin = `[${variableOf(option)}, default ${defaultText}${edge}]`;
  return entry(`${flagOf(option)} ${kind.placeholder}`, [...wrap(help, WIDTH - COLUMN), origin]);
}

/** A flag and its explanation side by side; a flag that is too long gets a line of its own. */
function entry(flag: string, lines: readonly string[]): string[] {
  const margin = " ".repeat(COLUMN);
  const head = `  ${flag.trimEnd()}`;
  const below = lines.map((line) => margin + line);
  if (head.length >= COLUMN) return [head, ...below];
  return [head.padEnd(COLUMN) + lines[0], ...below.slice(1)];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** What `--print-config` shows: every setting, its value and where it comes from, in columns. Ends in a line break. */
export function printConfig(result: {
  readonly config: Config;
  readonly origins: Readonly<Record<ConfigKey, Origin>>;
}): string {
  const { config, origins } = result;
  const rows = optionList.map(([key, option]): [string, string, string] => {
    const value = config[key];
    const shown = value === undefined ? (option.defaultText ?? "none") : option.kind.print(value);
    return [option.flag, shown, describeOrigin(origins[key], option)];
  });
  const table = [["Setting", "Value", "From"], ...rows];
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map(
    ([flag, value, from]) => `${flag.padEnd(widths[0])}  ${value.padEnd(widths[1])}  ${from}`,
  );
  return `${lines.join("\n")}\n`;
}

function describeOrigin(origin: Origin, option: Option<unknown>): string {
  switch (origin) {
    case "flag":
      return "flag";
    case "environment":
      return `environment ${variableOf(option)}`;
    case "edge":
      return "default under --edge";
    case "default":
      return "default";
  }
}
