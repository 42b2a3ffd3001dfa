/** Printable ASCII but for the percent sign: what `grpc-message` may hold as it is. */
const PLAIN = /^[\x20-\x24\x26-\x7e]*$/;

/**
 * A status message as `grpc-message` holds it: UTF-8, percent-encoded outside of printable ASCII (gRPC over HTTP/2,
 * "Status-Message"). Half of a surrogate pair becomes U+FFFD.
 */
export function encodeStatusMessage(message: string): string {
  if (PLAIN.test(message)) return message;
  let encoded = "";
  for (const byte of Buffer.from(message, "utf8")) {
    if (byte >= 0x20 && byte <= 0x7e && byte !== 0x25) encoded += String.fromCharCode(byte);
    else encoded += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
