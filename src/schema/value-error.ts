/** A value cannot be what the schema says. Every level that it passes on its way out adds its name to the path. */
export class ValueError extends Error {
  override readonly name = "ValueError";
  private readonly path: string[] = [];

  constructor(private readonly problem: string) {
    super(problem);
  }

  /** Puts a step in front of the path: `.name`, `[3]` or `["key"]`. */
  at(step: string): this {
    this.path.unshift(step);
    return this;
  }

  /** `helloworld.HelloReply.message: string expected, got number` */
  describe(typeName: string): string {
    return `${typeName}${this.path.join("")}: ${this.problem}`;
  }
}

/** The error for a value of a wrong type, or a number that does not fit. */
export function expected(type: string, value: unknown): ValueError {
  const isNumeric = type.includes("int") || type.includes("fixed") || type === "float";
  const shown = isNumeric && (typeof value === "number" || typeof value === "bigint") ? ` ${value}` : "";
  return new ValueError(`${type} expected, got ${kindOf(value)}${shown}`);
}

/** In a word. Texts are not shown: they may be secrets, and this goes to the log. */
function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  if (Array.isArray(value)) return "array";
  const maker: unknown = value.constructor;
  return typeof maker === "function" && maker !== Object ? maker.name : "object";
}

/** True when a message has a value for a field. What every object inherits (`constructor`, …) is none. */
export function isSet(value: unknown, name: string): boolean {
  return (
    value !== undefined && value !== null && value !== (Object.prototype as Record<string, unknown>)[name]
  );
}
