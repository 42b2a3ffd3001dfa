import { STATIC_NAME_INDEX } from "./static-table.ts";

/** The first octet of a literal (RFC 7541 section 6.2), without the index of its name. */
export const Literal = {
  /** The decoder inserts the field into its table. */
  INDEXED: 0x40,
  NOT_INDEXED: 0x00,
  /** Nobody on the way may index it either: a shared table lets an attacker guess secrets (section 7.1). */
  NEVER_INDEXED: 0x10,
} as const;
export type Literal = (typeof Literal)[keyof typeof Literal];

/** How fields of a name are encoded. */
export class NamePolicy {
  constructor(
    /** The first index of the name in the static table; 0 when it is not there. */
    readonly staticIndex: number,
    readonly literal: Literal,
    /** A value that comes so often that it is indexed all the same; null for none. */
    readonly steadyValue: string | null,
  ) {}
}

const SENSITIVE_NAMES = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/** Names whose values hardly ever come twice: to index them would only push out what does. */
const VARIABLE_NAMES = [
  ":path",
  "age",
  "content-length",
  "content-range",
  "date",
  "etag",
  "expires",
  "grpc-message",
  "grpc-status",
  "grpc-status-details-bin",
  "grpc-timeout",
  "if-modified-since",
  "if-none-match",
  "last-modified",
  "location",
];

/** The names that need more than the default, which is to index; and all that have a static index. */
export const NAME_POLICIES: ReadonlyMap<string, NamePolicy> = makePolicies();

function makePolicies(): Map<string, NamePolicy> {
  const policies = new Map<string, NamePolicy>();
  const indexOf = (name: string) => STATIC_NAME_INDEX.get(name) ?? 0;
  for (const [name, index] of STATIC_NAME_INDEX) {
    policies.set(name, new NamePolicy(index, Literal.INDEXED, null));
  }
  for (const name of VARIABLE_NAMES) {
    // OK ends nearly every call; the other codes are rare, and there are sixteen.
    const steady = name === "grpc-status" ? "0" : null;
    policies.set(name, new NamePolicy(indexOf(name), Literal.NOT_INDEXED, steady));
  }
  for (const name of SENSITIVE_NAMES) {
    policies.set(name, new NamePolicy(indexOf(name), Literal.NEVER_INDEXED, null));
  }
  return policies;
}
