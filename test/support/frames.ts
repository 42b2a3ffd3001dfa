import { CLIENT_PREFACE, Flag, FrameType } from "../../src/http2/frame.ts";
import { HpackEncoder } from "../../src/http2/hpack/encoder.ts";

export { CLIENT_PREFACE, Flag, FrameType };

/** Any frame at all, right or wrong. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId >>> 0, 5);
  bytes.set(payload, 9);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export const settings = (...entries: [id: number, value: number][]): Buffer =>
  frame(
    FrameType.SETTINGS,
    0,
    0,
    Buffer.concat(
      entries.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id & 255]), uint32(value)])),
    ),
  );
export const settingsAck = (): Buffer => frame(FrameType.SETTINGS, Flag.ACK, 0);
export const ping = (payload = "pingpong", flags = 0): Buffer =>
  frame(FrameType.PING, flags, 0, Buffer.from(payload, "latin1"));
export const data = (streamId: number, payload: string | Uint8Array, flags = 0): Buffer =>
  frame(
    FrameType.DATA,
    flags,
    streamId,
    typeof payload === "string" ? Buffer.from(payload, "latin1") : payload,
  );
export const rstStream = (streamId: number, code: number): Buffer =>
  frame(FrameType.RST_STREAM, 0, streamId, uint32(code));
export const windowUpdate = (streamId: number, increment: number): Buffer =>
  frame(FrameType.WINDOW_UPDATE, 0, streamId, uint32(increment));
export const priority = (streamId: number, dependsOn: number): Buffer =>
  frame(FrameType.PRIORITY, 0, streamId, Buffer.concat([uint32(dependsOn), Buffer.from([15])]));
export const goAway = (lastStreamId: number, code: number, debugData = ""): Buffer =>
  frame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(lastStreamId), uint32(code), Buffer.from(debugData)]));
export const continuation = (streamId: number, block: Uint8Array, flags = 0): Buffer =>
  frame(FrameType.CONTINUATION, flags, streamId, block);

/** The four pseudo-header fields of a request and more behind them. */
export function requestFields(path = "/", more: readonly string[] = [], method = "POST"): string[] {
  return [":method", method, ":scheme", "http", ":path", path, ":authority", "test", ...more];
}

/** A header block that uses and changes no dynamic table, so that blocks stand alone. */
export function block(fields: readonly string[]): Buffer {
  const out = Buffer.alloc(HpackEncoder.bound(0, fields) + 16);
  const encoder = new HpackEncoder(0);
  encoder.setPeerTableSize(0);
  // The first block of an encoder tells its table size; the second one is free of it.
  encoder.encode(0, [], out, 0);
  return Buffer.from(out.subarray(0, encoder.encode(0, fields, out, 0)));
}

export function headers(
  streamId: number,
  fields: readonly string[] = requestFields(),
  flags: number = Flag.END_HEADERS | Flag.END_STREAM,
): Buffer {
  return frame(FrameType.HEADERS, flags, streamId, block(fields));
}
