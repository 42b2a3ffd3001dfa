/** What can be wrong with a header block, by name. */
export type HpackViolation =
  | "hpack-index-zero"
  | "hpack-index-out-of-range"
  | "hpack-integer-overflow"
  | "hpack-truncated"
  | "hpack-huffman-padding"
  | "hpack-huffman-eos"
  | "hpack-size-update-too-large"
  | "hpack-size-update-misplaced"
  | "header-list-way-too-large";

/**
 * A header block that cannot be decoded. The dynamic table is out of step from here on, so the connection must end
 * (RFC 7541 section 2.3.3, RFC 9113 section 4.3).
 */
export class HpackError extends Error {
  override readonly name = "HpackError";

  constructor(readonly violation: HpackViolation) {
    super(violation);
  }
}
