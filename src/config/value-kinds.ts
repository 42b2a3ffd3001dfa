import { isIPv6 } from "node:net";

/** How the text of one kind of option is read, and how its value is shown. */
export interface ValueKind<T> {
  /** Stands for the value in the help: `HOST:PORT`. Empty for a switch. */
  readonly placeholder: string;
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** May be given several times; the texts are joined with commas. */
  readonly isList?: boolean;
  /** What the flag means when no value follows it. */
  readonly bare?: string;
  /** Undefined when `text` is no such value. */
  parse(text: string): T | undefined;
  print(value: T): string;
}

/** An address to listen on. `localhost` means both loopback addresses; port 0 lets the system choose. */
export interface ListenAddress {
  /** A name or an IP address, without brackets. `::` takes IPv4 too. */
  readonly host: string;
  readonly port: number;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const DURATION_UNITS = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
const SIZE_UNITS = new Map([
  ["b", 1],
  ["kb", 1e3],
  ["mb", 1e6],
  ["gb", 1e9],
  ["kib", 2 ** 10],
  ["mib", 2 ** 20],
  ["gib", 2 ** 30],
]);
const SIZE_NAMES = ["GiB", "MiB", "KiB"];

/** Milliseconds. With `off`, the words `off` and `0` mean never, and the value is `Infinity`. */
export function duration({ min = 0, off = false } = {}): ValueKind<number> {
  const choice = off ? ', or "off"' : "";
  const least = min > 0 ? `at least ${printDuration(min)}, ` : "";
  const examples = min > 500 ? "30s, 2m or 1h" : "500ms, 30s, 2m or 1h";
  return {
    placeholder: "DURATION",
    expected: `a duration such as ${examples} (a bare number means seconds; ${least}at most 24 days)${choice}`,
    parse: (text) => {
      if (off && (text === "off" || text === "0")) return Number.POSITIVE_INFINITY;
      const ms = parseUnits(text, DURATION_UNITS, "s");
      return ms === undefined || ms < min || ms > MAX_TIMER_MS || (off && ms === 0) ? undefined : ms;
    },
    print: printDuration,
  };
}

/** Bytes. `unlimited` is `Infinity`. */
export function size({ unlimited = false } = {}): ValueKind<number> {
  const choice = unlimited ? ', or "unlimited"' : "";
  return {
    placeholder: "SIZE",
    expected: `a size such as 4MiB, 512KiB, 10MB or 4194304 (a bare number means bytes; at least 1)${choice}`,
    parse: (text) => {
      if (unlimited && text === "unlimited") return Number.POSITIVE_INFINITY;
      const bytes = parseUnits(text.toLowerCase(), SIZE_UNITS, "b");
      return bytes !== undefined && bytes > 0 ? bytes : undefined;
    },
    print: printSize,
  };
}

/** A whole number. */
export function count({
  min,
  max = Number.MAX_SAFE_INTEGER,
}: {
  min: number;
  max?: number;
}): ValueKind<number> {
  return {
    placeholder: "N",
    expected: `a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? "" : ` to ${max}`}`,
    parse: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
    print: String,
  };
}

export function choice<const T extends string>(values: readonly T[], bare?: T): ValueKind<T> {
  return {
    placeholder: values.join("|"),
    expected: `one of ${values.join(", ")}`,
    ...(bare === undefined ? {} : { bare }),
    parse: (text) => values.find((value) => value === text.toLowerCase()),
    print: String,
  };
}

/** On or off: `--name` and `--no-name`. */
export const toggle: ValueKind<boolean> = {
  placeholder: "",
  expected: "on or off (or true, false, yes, no, 1, 0)",
  bare: "on",
  parse: (text) => {
    if (/^(on|true|yes|1)$/i.test(text)) return true;
    return /^(off|false|no|0)$/i.test(text) ? false : undefined;
  },
  print: (value) => (value ? "on" : "off"),
};

export const folder: ValueKind<string> = {
  placeholder: "DIR",
  expected: "a folder",
  parse: (text) => text || undefined,
  print: String,
};

export const folders: ValueKind<readonly string[]> = {
  placeholder: "DIR",
  expected: "folders, with commas between them",
  isList: true,
  parse: (text) => splitList(text),
  print: (values) => values.join(","),
};

export const optionalFile: ValueKind<string | undefined> = {
  placeholder: "FILE",
  expected: "a file",
  parse: (text) => text || undefined,
  print: (value) => value ?? "none",
};

export const addresses: ValueKind<readonly ListenAddress[]> = {
  placeholder: "HOST:PORT",
  expected: "HOST:PORT such as localhost:8443, 0.0.0.0:8443, [::1]:8443 or :8443, the port from 0 to 65535",
  isList: true,
  parse: (text) => {
    const parsed = splitList(text)?.map(parseAddress);
    return parsed?.every((address) => address !== undefined) ? parsed : undefined;
  },
  print: (values) => values.map(printAddress).join(","),
};

function splitList(text: string): string[] | undefined {
  const items = text.split(",").map((item) => item.trim());
  return items.every((item) => item !== "") ? items : undefined;
}

function parseAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name, digits] = match;
  const port = Number(digits);
  if (port > 65535 || (ipv6 !== undefined && !isIPv6(ipv6))) return undefined;
  return { host: ipv6 ?? (name || "::"), port };
}

export function printAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseUnits(text: string, units: ReadonlyMap<string, number>, bareUnit: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]*)$/.exec(text);
  if (match === null) return undefined;
  const factor = units.get(match[2] || bareUnit);
  return factor === undefined ? undefined : Math.round(Number(match[1]) * factor);
}

/** In the largest unit that needs no fraction. */
export function printDuration(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return "off";
  if (ms === 0) return "0s";
  const [unit, factor] = [...DURATION_UNITS].reverse().find(([, factor]) => ms % factor === 0) ?? ["ms", 1];
  return `${ms / factor}${unit}`;
}

/** In the largest binary unit that needs no fraction. */
export function printSize(bytes: number): string {
  if (bytes === Number.POSITIVE_INFINITY) return "unlimited";
  const name = SIZE_NAMES.find((unit) => bytes % unitBytes(unit) === 0);
  return name === undefined ? `${bytes}` : `${bytes / unitBytes(name)}${name}`;
}

function unitBytes(name: string): number {
  return SIZE_UNITS.get(name.toLowerCase()) ?? 1;
}
