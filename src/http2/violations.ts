/**
 * Everything a peer can do wrong, by name. The part that finds a violation returns it; the connection turns it
 * into one frame, one count and one log line.
 */

/** RFC 9113 section 7. */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** A broken rule: how far it reaches, the code the peer is told, and its name for logs, counters and tests. */
export class Violation {
  constructor(
    readonly scope: "stream" | "connection",
    readonly code: ErrorCode,
    readonly name: string,
    /** GOAWAY debug data, where clients look for an exact text. */
    readonly debugData: string = name,
    /** Our own load, and no fault of the peer: it does not count against it. */
    readonly isOurs = false,
  ) {}
}

const E = ErrorCode;
const connection = (code: ErrorCode, name: string, debugData?: string) =>
  new Violation("connection", code, name, debugData);
const stream = (code: ErrorCode, name: string) => new Violation("stream", code, name);
const ours = (code: ErrorCode, name: string) => new Violation("stream", code, name, name, true);

// Framing (RFC 9113 sections 3.4, 4, 5.5)
export const badPreface = connection(E.PROTOCOL_ERROR, "bad-preface");
export const firstFrameNotSettings = connection(E.PROTOCOL_ERROR, "first-frame-not-settings");
export const frameTooLarge = connection(E.FRAME_SIZE_ERROR, "frame-too-large");
export const frameSizeWrong = connection(E.FRAME_SIZE_ERROR, "frame-size-wrong");
export const priorityFrameSize = stream(E.FRAME_SIZE_ERROR, "priority-frame-size");
export const paddingTooLong = connection(E.PROTOCOL_ERROR, "padding-too-long");
export const streamIdZero = connection(E.PROTOCOL_ERROR, "stream-id-zero");
export const streamIdNotZero = connection(E.PROTOCOL_ERROR, "stream-id-not-zero");
export const interleavedHeaderBlock = connection(E.PROTOCOL_ERROR, "interleaved-header-block");
export const unexpectedContinuation = connection(E.PROTOCOL_ERROR, "unexpected-continuation");
export const pushPromiseFromClient = connection(E.PROTOCOL_ERROR, "push-promise-from-client");

// Streams (section 5.1)
export const streamIdEven = connection(E.PROTOCOL_ERROR, "stream-id-even");
export const streamIdNotIncreasing = connection(E.PROTOCOL_ERROR, "stream-id-not-increasing");
export const frameOnIdleStream = connection(E.PROTOCOL_ERROR, "frame-on-idle-stream");
export const frameOnClosedStream = connection(E.STREAM_CLOSED, "frame-on-closed-stream");
export const frameAfterEndStream = stream(E.STREAM_CLOSED, "frame-after-end-stream");
export const frameOnReservedStream = connection(E.PROTOCOL_ERROR, "frame-on-reserved-stream");
export const tooManyStreams = stream(E.REFUSED_STREAM, "too-many-streams");
export const tooManyHandlers = stream(E.REFUSED_STREAM, "too-many-handlers");
export const memoryBudgetSpent = ours(E.REFUSED_STREAM, "memory-budget-spent");
export const outputBacklog = ours(E.REFUSED_STREAM, "output-backlog");
export const selfDependency = stream(E.PROTOCOL_ERROR, "self-dependency");

// Header sections (sections 8.1 to 8.3, 10.3)
export const headerListWayTooLarge = connection(E.ENHANCE_YOUR_CALM, "header-list-way-too-large");
export const tooManyContinuations = connection(E.ENHANCE_YOUR_CALM, "too-many-continuations");
export const compressionError = connection(E.COMPRESSION_ERROR, "compression-error");
export const malformed = (name: string): Violation => stream(E.PROTOCOL_ERROR, name);
export const contentLengthMismatch = stream(E.PROTOCOL_ERROR, "content-length-mismatch");
export const trailersWithoutEnd = stream(E.PROTOCOL_ERROR, "trailers-without-end-stream");

// Flow control (section 6.9)
export const windowUpdateZero = stream(E.PROTOCOL_ERROR, "window-update-zero");
export const connectionWindowUpdateZero = connection(E.PROTOCOL_ERROR, "connection-window-update-zero");
export const windowOverflow = stream(E.FLOW_CONTROL_ERROR, "window-overflow");
export const connectionWindowOverflow = connection(E.FLOW_CONTROL_ERROR, "connection-window-overflow");
export const streamWindowExceeded = stream(E.FLOW_CONTROL_ERROR, "stream-window-exceeded");
export const connectionWindowExceeded = connection(E.FLOW_CONTROL_ERROR, "connection-window-exceeded");

// SETTINGS (section 6.5)
export const settingsAckWithPayload = connection(E.FRAME_SIZE_ERROR, "settings-ack-with-payload");
export const settingsFrameSize = connection(E.FRAME_SIZE_ERROR, "settings-frame-size");
export const settingsTooMany = connection(E.ENHANCE_YOUR_CALM, "settings-too-many");
export const settingsValue = connection(E.PROTOCOL_ERROR, "settings-value");
export const settingsWindowTooLarge = connection(E.FLOW_CONTROL_ERROR, "settings-window-too-large");
export const settingsTimeout = connection(E.SETTINGS_TIMEOUT, "settings-timeout");

// Time-outs and floods (section 10.5)
export const prefaceTimeout = connection(E.PROTOCOL_ERROR, "preface-timeout");
export const headerBlockTimeout = connection(E.PROTOCOL_ERROR, "header-block-timeout");
export const responseStalled = ours(E.CANCEL, "response-stalled");
export const tooManyResets = connection(E.ENHANCE_YOUR_CALM, "too-many-resets");
export const tooManyProvokedResets = connection(E.ENHANCE_YOUR_CALM, "too-many-internal-resets");
export const tooManyGlitches = connection(E.ENHANCE_YOUR_CALM, "too-many-glitches");
export const tooManyEmptyFrames = connection(E.ENHANCE_YOUR_CALM, "too-many-empty-frames");
/** The debug data is the text that gRPC clients look for (gRPC proposal A8). */
export const tooManyPings = connection(E.ENHANCE_YOUR_CALM, "too-many-pings", "too_many_pings");
export const slowReceiverOverBudget = ours(E.ENHANCE_YOUR_CALM, "slow-receiver-over-budget");
