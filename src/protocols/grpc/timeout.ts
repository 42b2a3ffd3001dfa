/** Milliseconds of each unit of `grpc-timeout` (gRPC over HTTP/2, "Timeout"). */
const UNIT_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a `grpc-timeout` value (at most eight digits and a unit), or null when it is none. */
export function parseTimeout(value: string): number | null {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  return match === null ? null : Number(match[1]) * UNIT_MS[match[2]];
}
