import {
  frameAfterEndStream,
  frameOnReservedStream,
  trailersWithoutEnd,
  type Violation,
} from "./violations.ts";

/**
 * The state of one stream, RFC 9113 section 5.1, as a server sees it.
 *
 * ```
 *                 idle ──────────────── sendPushPromise ─────────────► reservedLocal
 *                  │ recvHeaders                                            │ sendHeaders
 *                  ▼                                                        │
 *  recvEnd ◄──── open ────► sendEnd                                         │
 *     │                        │                                            │
 *     ▼                        ▼                                            │
 *  halfClosedRemote      halfClosedLocal                                    │
 *     │  ▲                     │                                            │
 *     │  └─────────────────────┼────────────────────────────────────────────┘
 *     │ sendEnd                │ recvEnd
 *     └────────► closed ◄──────┘        (recvReset and sendReset lead here from everywhere)
 * ```
 *
 * A stream that is closed leaves the table of streams, and what it was closed by is kept there
 * (closed-streams.ts): that decides whether a late frame is ignored or an error.
 */
export const StreamState = {
  open: 0,
  /** The peer has sent END_STREAM: we may send, it may not. */
  halfClosedRemote: 1,
  /** We have sent END_STREAM: the peer may go on sending. */
  halfClosedLocal: 2,
  /** Promised with PUSH_PROMISE, response not yet begun. */
  reservedLocal: 3,
  closed: 4,
} as const;
export type StreamState = (typeof StreamState)[keyof typeof StreamState];

const S = StreamState;

/** The peer ended its side. */
export function recvEnd(state: StreamState): StreamState {
  return state === S.open ? S.halfClosedRemote : S.closed;
}

/** We ended ours. */
export function sendEnd(state: StreamState): StreamState {
  return state === S.open ? S.halfClosedLocal : S.closed;
}

/** We began the response: only a promised stream changes by it. */
export function sendHeaders(state: StreamState): StreamState {
  return state === S.reservedLocal ? S.halfClosedRemote : state;
}

/** What is wrong with DATA in this state; null when it is allowed. */
export function judgeData(state: StreamState): Violation | null {
  switch (state) {
    case S.open:
    case S.halfClosedLocal:
      return null;
    case S.reservedLocal:
      return frameOnReservedStream;
    // "If an endpoint receives additional frames, other than WINDOW_UPDATE, PRIORITY, or RST_STREAM, for a stream
    // that is in this state, it MUST respond with a stream error of type STREAM_CLOSED."
    default:
      return frameAfterEndStream;
  }
}

/** What is wrong with a second HEADERS, which can only be trailers (section 8.1). */
export function judgeTrailers(state: StreamState, endStream: boolean): Violation | null {
  const violation = judgeData(state);
  if (violation !== null) return violation;
  return endStream ? null : trailersWithoutEnd;
}

/** True while we may send HEADERS and DATA. */
export function canSend(state: StreamState): boolean {
  return state === S.open || state === S.halfClosedRemote || state === S.reservedLocal;
}

/** True while the peer may send DATA. */
export function canReceive(state: StreamState): boolean {
  return state === S.open || state === S.halfClosedLocal;
}
