const prefixLength = 5;

/** A length-prefixed gRPC message (gRPC over HTTP/2, "Length-Prefixed-Message") holding a HelloRequest or HelloReply. */
export function encodeText(text) {
  const bytes = Buffer.from(text);
  const message = bytes.length === 0 ? bytes : Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
  const prefix = Buffer.alloc(prefixLength);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** The text of one such message; only for texts below 128 bytes, whose length is one byte. */
export function decodeText(frame) {
  const length = frame.readUInt32BE(1);
  return frame.subarray(prefixLength + 2, prefixLength + length).toString();
}
