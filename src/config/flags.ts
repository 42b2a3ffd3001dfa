import { nearest } from "../rpc/nearest.ts";
import { UsageError } from "./errors.ts";
import { type Action, actions, type ConfigKey, type Option, optionList } from "./options.ts";

/** The command line, with each flag known but no value read yet. */
export interface Flags {
  readonly action: Action;
  /** The text given for each option that was given one; a list's texts are joined with commas. */
  readonly texts: ReadonlyMap<ConfigKey, string>;
}

const SEE_HELP = 'Try "yodel --help".';

/**
 * Reads `--flag value`, `--flag=value`, switches (`--flag`, `--no-flag`) and the flags that ask for something else
 * than a running server. `--help` and `--version` win over everything, mistakes included; of an option given
 * twice the last one counts, unless it is a list.
 *
 * @throws {UsageError} for an unknown flag, a value that is missing, and words that belong to no flag
 */
export function readFlags(argv: readonly string[]): Flags {
  for (const action of ["help", "version"] as const) {
    if (argv.some((word) => actionOf(word) === action)) return { action, texts: new Map() };
  }
  const texts = new Map<ConfigKey, string>();
  let action: Action = "run";
  for (let at = 0; at < argv.length; at += 1) {
    const asked = actionOf(argv[at]);
    if (asked !== undefined) {
      action = asked;
      continue;
    }
    const { key, option, text, takesNext } = readFlag(argv[at], argv[at + 1]);
    if (takesNext) at += 1;
    const before = option.kind.isList ? texts.get(key) : undefined;
    texts.set(key, before === undefined ? text : `${before},${text}`);
  }
  return { action, texts };
}

function actionOf(word: string): Action | undefined {
  return actions.find(
    ({ flag, short }) => word === `--${flag}` || (short !== undefined && word === `-${short}`),
  )?.flag;
}

interface ReadFlag {
  readonly key: ConfigKey;
  readonly option: Option<unknown>;
  readonly text: string;
  /** The word behind the flag is its value. */
  readonly takesNext: boolean;
}

function readFlag(word: string, next: string | undefined): ReadFlag {
  if (!word.startsWith("-"))
    throw new UsageError(`Unexpected argument "${word}": all settings are flags. ${SEE_HELP}`);
  const equals = word.indexOf("=");
  const flag = equals < 0 ? word : word.slice(0, equals);
  const [key, option, isNegated] = findOption(flag);
  const { kind } = option;
  if (isNegated) {
    if (equals >= 0) throw new UsageError(`${flag} takes no value.`);
    return { key, option, text: "off", takesNext: false };
  }
  if (equals >= 0) return { key, option, text: word.slice(equals + 1), takesNext: false };
  // A switch has its value behind "="; `--plaintext always` and `--plaintext --edge` can be told apart.
  const takesNext =
    kind.bare === undefined || (kind.placeholder !== "" && next !== undefined && isValue(option, next));
  if (!takesNext) return { key, option, text: kind.bare ?? "", takesNext };
  if (next === undefined || next.startsWith("--")) {
    throw new UsageError(`${flag} needs a value: ${kind.expected}.`);
  }
  return { key, option, text: next, takesNext };
}

function isValue({ kind }: Option<unknown>, text: string): boolean {
  return kind.parse(text) !== undefined;
}

/** @returns the option, and whether the flag was its `--no-` form */
function findOption(flag: string): readonly [ConfigKey, Option<unknown>, boolean] {
  for (const [key, option] of optionList) {
    if (flag === `--${option.flag}`) return [key, option, false];
    if (option.kind.placeholder === "" && flag === `--no-${option.flag}`) return [key, option, true];
  }
  const known = [...optionList.map(([, option]) => option.flag), ...actions.map((action) => action.flag)];
  const similar = nearest(flag.replace(/^-+/, ""), known);
  const hint = similar === undefined ? SEE_HELP : `Did you mean --${similar}?`;
  throw new UsageError(`Unknown flag ${flag}. ${hint}`);
}
