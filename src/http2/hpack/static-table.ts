/** RFC 7541 Appendix A, in order; index 1 comes first. Fields with the same name are neighbours. */
const TABLE: readonly (readonly [name: string, value: string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** The number of static entries; the first dynamic entry has the next index. */
export const STATIC_COUNT = 61;

/** Names by index. Index 0 stands for no entry (RFC 7541 section 6.1). */
export const STATIC_NAMES: readonly string[] = ["", ...TABLE.map(([name]) => name)];

/** Values by index, as {@link STATIC_NAMES}. */
export const STATIC_VALUES: readonly string[] = ["", ...TABLE.map(([, value]) => value)];

/** The first index of each name. */
export const STATIC_NAME_INDEX: ReadonlyMap<string, number> = new Map(
  // Backwards, so that the first of several indexes stays.
  TABLE.map(([name], i) => [name, i + 1] as const).reverse(),
);

/** The index of the whole field, or 0. `first` is the first index of the name. */
export function findStaticField(first: number, value: string): number {
  const name = STATIC_NAMES[first];
  for (let i = first; i <= STATIC_COUNT && STATIC_NAMES[i] === name; i++) {
    if (STATIC_VALUES[i] === value) return i;
  }
  return 0;
}
