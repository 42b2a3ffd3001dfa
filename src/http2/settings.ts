import { DEFAULT_MAX_FRAME_BYTES, MAX_WINDOW, readUint32, SettingId, writeUint32 } from "./frame.ts";
import type { Http2Limits } from "./limits.ts";
import {
  settingsFrameSize,
  settingsTooMany,
  settingsValue,
  settingsWindowTooLarge,
  type Violation,
} from "./violations.ts";

const ENTRY_BYTES = 6;

/** What the peer has told us (RFC 9113 section 6.5.2), beginning with the defaults. */
export class PeerSettings {
  headerTableSize = 4096;
  /** The smallest table size within the last frame: the encoder must signal it even if it was raised again. */
  lowestHeaderTableSize = 4096;
  enablePush = true;
  maxConcurrentStreams = MAX_WINDOW;
  initialWindowSize = 65_535;
  maxFrameSize = DEFAULT_MAX_FRAME_BYTES;
  private noPriorities: number | null = null;
  private seenFrame = false;

  /** Applies one frame's payload, in order, or returns what is wrong with it. */
  apply(bytes: Uint8Array, start: number, end: number, limits: Http2Limits): Violation | null {
    const length = end - start;
    if (length % ENTRY_BYTES !== 0) return settingsFrameSize;
    if (length / ENTRY_BYTES > limits.maxSettingsEntries) return settingsTooMany;
    this.lowestHeaderTableSize = Number.POSITIVE_INFINITY;
    for (let at = start; at < end; at += ENTRY_BYTES) {
      const violation = this.applyOne((bytes[at] << 8) | bytes[at + 1], readUint32(bytes, at + 2));
      if (violation !== null) return violation;
    }
    this.seenFrame = true;
    return null;
  }

  private applyOne(id: number, value: number): Violation | null {
    switch (id) {
      case SettingId.HEADER_TABLE_SIZE:
        this.headerTableSize = value;
        this.lowestHeaderTableSize = Math.min(this.lowestHeaderTableSize, value);
        return null;
      case SettingId.ENABLE_PUSH:
        if (value > 1) return settingsValue;
        this.enablePush = value === 1;
        return null;
      case SettingId.MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value;
        return null;
      case SettingId.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) return settingsWindowTooLarge;
        this.initialWindowSize = value;
        return null;
      case SettingId.MAX_FRAME_SIZE:
        // Zero once sent a server into an endless loop of empty CONTINUATION frames (CVE-2026-33814).
        if (value < DEFAULT_MAX_FRAME_BYTES || value > 0xff_ffff) return settingsValue;
        this.maxFrameSize = value;
        return null;
      case SettingId.NO_RFC7540_PRIORITIES:
        return this.applyNoPriorities(value);
      // "An endpoint that receives a SETTINGS frame with any unknown or unsupported identifier MUST ignore that setting."
      default:
        return null;
    }
  }

  /** RFC 9218 section 2.1: 0 or 1, and never changed after the first SETTINGS frame. */
  private applyNoPriorities(value: number): Violation | null {
    if (value > 1) return settingsValue;
    const before = this.noPriorities ?? 0;
    if (this.seenFrame && before !== value) return settingsValue;
    this.noPriorities = value;
    return null;
  }
}

/** The payload of our SETTINGS frame. Push is the client's to allow, so ENABLE_PUSH is not ours to send. */
export function localSettingsPayload(limits: Http2Limits): Buffer {
  const entries: [number, number][] = [
    [SettingId.HEADER_TABLE_SIZE, limits.headerTableBytes],
    [SettingId.MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams],
    [SettingId.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
    [SettingId.MAX_FRAME_SIZE, DEFAULT_MAX_FRAME_BYTES],
    [SettingId.MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes],
    [SettingId.NO_RFC7540_PRIORITIES, 1],
  ];
  const payload = Buffer.alloc(entries.length * ENTRY_BYTES);
  entries.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * ENTRY_BYTES);
    writeUint32(payload, i * ENTRY_BYTES + 2, value);
  });
  return payload;
}
