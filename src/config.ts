/**
 * Flags, environment variables and defaults become one checked {@link Config}. The table of all options is in
 * `config/options.ts`; the help, the messages and the type are made from it.
 */
import { ConfigError, UsageError } from "./config/errors.ts";
import { readFlags } from "./config/flags.ts";
import {
  type Action,
  type Config,
  type ConfigKey,
  type Option,
  optionList,
  options,
  variableOf,
} from "./config/options.ts";
import type { Origin } from "./config/print.ts";
import { nearest } from "./rpc/nearest.ts";

export { ConfigError, exitCodes, UsageError } from "./config/errors.ts";
export type { Action, Config, ConfigKey } from "./config/options.ts";
export { helpText, type Origin, printConfig } from "./config/print.ts";
export { type ListenAddress, printAddress, printDuration, printSize } from "./config/value-kinds.ts";

/** What was asked for, and with which settings. */
export interface ConfigResult {
  readonly action: Action;
  readonly config: Config;
  readonly origins: Readonly<Record<ConfigKey, Origin>>;
  /** Sentences about what was probably meant otherwise, though it stops nothing. */
  readonly warnings: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings. `argv` is what stands behind the script's name (`process.argv.slice(2)`), `env` is
 * `process.env`; an empty variable counts as not set. For `--help` and `--version` nothing else is looked at, and
 * the settings are the defaults.
 *
 * @throws {UsageError} for flags that cannot be read (exit code 2)
 * @throws {ConfigError} for variables that cannot be read, and settings that contradict each other (exit code 3)
 */
export function loadConfig(argv: readonly string[], env: Environment): ConfigResult {
  const { action, texts } = readFlags(argv);
  const isInformation = action === "help" || action === "version";
  const variables = isInformation ? {} : env;
  const edge = resolve("edge", options.edge, texts, variables, false).value === true;
  const config: Partial<Record<ConfigKey, unknown>> = {};
  const origins: Partial<Record<ConfigKey, Origin>> = {};
  for (const [key, option] of optionList) {
    const { value, origin } = resolve(key, option, texts, variables, edge);
    config[key] = value;
    origins[key] = origin;
  }
  // Every key of the table was filled in, each by its own kind.
  const result = { action, config: config as Config, origins: origins as Record<ConfigKey, Origin> };
  checkPairs(result.config);
  return { ...result, warnings: [...unknownVariables(variables), ...uselessSettings(result.config)] };
}

function resolve(
  key: ConfigKey,
  option: Option<unknown>,
  texts: ReadonlyMap<ConfigKey, string>,
  env: Environment,
  edge: boolean,
): { value: unknown; origin: Origin } {
  const { kind } = option;
  const flagText = texts.get(key);
  if (flagText !== undefined) {
    const value = kind.parse(flagText);
    if (value === undefined) throw new UsageError(badValue(`--${option.flag}`, flagText, kind.expected));
    return { value, origin: "flag" };
  }
  const variable = variableOf(option);
  const variableText = env[variable]?.trim();
  if (variableText) {
    const value = kind.parse(variableText);
    if (value === undefined) throw new ConfigError(badValue(variable, variableText, kind.expected));
    return { value, origin: "environment" };
  }
  if (edge && option.edge !== undefined) return { value: option.edge, origin: "edge" };
  return { value: option.byDefault, origin: "default" };
}

function badValue(where: string, text: string, expected: string): string {
  return `Bad value "${text}" for ${where}: expected ${expected}.`;
}

function checkPairs({ tlsCert, tlsKey }: Config): void {
  if ((tlsCert === undefined) === (tlsKey === undefined)) return;
  const [given, missing] = tlsCert === undefined ? ["--tls-key", "--tls-cert"] : ["--tls-cert", "--tls-key"];
  throw new ConfigError(
    `${given} was given without ${missing}. Give both, or neither for a development certificate.`,
  );
}

function unknownVariables(env: Environment): string[] {
  const known = optionList.map(([, option]) => variableOf(option));
  const unknown = Object.keys(env).filter((name) => name.startsWith("YODEL_") && !known.includes(name));
  return unknown.map((name) => {
    const similar = nearest(name, known);
    return `Unknown environment variable ${name}.${similar === undefined ? "" : ` Did you mean ${similar}?`}`;
  });
}

function uselessSettings(config: Config): string[] {
  const useless: string[] = [];
  if (Number.isFinite(config.maxConnectionAgeGraceMs) && !Number.isFinite(config.maxConnectionAgeMs)) {
    useless.push("--max-connection-age-grace does nothing without --max-connection-age.");
  }
  return useless;
}
