/** What the process answers to whoever started it. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, configuration: 3 } as const;

/** A flag is unknown, or its value is none. The message is for people. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly exitCode = exitCodes.usage;
}

/** The flags can be read, but the server cannot start with what they and the environment say. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly exitCode = exitCodes.configuration;
}
