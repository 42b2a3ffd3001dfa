/**
 * Every limit of a connection, with its default, its reason and the attack it answers.
 *
 * Each guard must stop its attack and let an honest heavy client pass: the tests hold both sides.
 */
export interface Http2Limits {
  /** Streams open at once, advertised, and handlers running at once: a reset stream counts until its handler
   * has settled, or "open, reset, repeat" would start work without end (CVE-2023-44487, Rapid Reset). */
  readonly maxConcurrentStreams: number;
  /** Resets by the peer of streams that were not answered yet, or whose answer waits: a bucket of so many, refilled
   * at the rate below. Only those cost, so a client that cancels much (hedging, search as you type) is never cut (CVE-2023-44487). */
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
  /** Resets that the peer made us send by breaking the protocol on a stream (CVE-2025-8671, MadeYouReset). */
  readonly provokedResetBurst: number;
  readonly provokedResetsPerSecond: number;
  /** Cheap but useless frames: PRIORITY, WINDOW_UPDATE beyond what the DATA sent explains, unknown types
   * (CVE-2019-9511 data dribble, CVE-2019-9513 resource loop). */
  readonly glitchBurst: number;
  readonly glitchesPerSecond: number;
  /** Answers to control frames that wait for the socket. Beyond it nothing is read until the peer reads
   * (CVE-2019-9512 ping flood, CVE-2019-9514 reset flood, CVE-2019-9515 settings flood). */
  readonly maxQueuedControlFrames: number;
  /** Entries of one SETTINGS frame (CVE-2020-11080). */
  readonly maxSettingsEntries: number;
  /** CONTINUATION frames of one header block; empty ones count (CVE-2024-27983 and its family, CVE-2026-33871). */
  readonly maxContinuationFrames: number;
  /** Bytes of a header list, 32 added for each field (RFC 9113 section 6.5.2), advertised. Beyond it the stream
   * is answered 431. 8 KiB fails the conformance suite and real tokens; 16 KiB holds both. */
  readonly maxHeaderListBytes: number;
  /** Beyond this the peer is not mistaken but hostile, and the connection ends (CVE-2016-6581 HPACK bomb). */
  readonly maxHeaderBlockBytes: number;
  /** Fields of a header list, cookie crumbs counted singly (CVE-2026-49975, HTTP/2 Bomb). */
  readonly maxHeaderFields: number;
  /** Bytes of the table that the peer's HPACK encoder may use. */
  readonly headerTableBytes: number;
  /** Bytes of the table that ours uses, whatever the peer offers (it may offer 4 GiB). */
  readonly maxEncoderTableBytes: number;
  /** Empty DATA frames in a row, on the whole connection, without END_STREAM (CVE-2019-9518). */
  readonly maxEmptyDataFrames: number;
  /** Bytes a peer may send on a stream before it must wait. */
  readonly streamWindowBytes: number;
  /** The same for the whole connection. */
  readonly connectionWindowBytes: number;
  /** Windows grow up to this with the measured bandwidth-delay product, while the memory budget has room. */
  readonly maxWindowBytes: number;
  /** Unsent bytes of a connection at which new streams are refused. */
  readonly connectionBufferBytes: number;
  /** Bytes handed to the socket and not yet sent at which DATA waits in its stream, and `write` asks to wait
   * (CVE-2019-9517, internal data buffering). */
  readonly socketBufferBytes: number;
  /** Frames handled in one turn of the event loop before the other connections get theirs. */
  readonly framesPerTurn: number;
  /** From the first byte to the peer's SETTINGS: a slow or silent client holds a socket no longer (slowloris). */
  readonly prefaceTimeoutMs: number;
  /** For a TLS handshake. */
  readonly tlsHandshakeTimeoutMs: number;
  /** For the acknowledgement of our SETTINGS (RFC 9113 section 6.5.3). */
  readonly settingsTimeoutMs: number;
  /** From HEADERS to END_HEADERS: nothing else can be read on the connection meanwhile. */
  readonly headerBlockTimeoutMs: number;
  /** A response whose handler is done, and of which the peer takes less than a kilobyte meanwhile, is reset after
   * this (CVE-2016-1546, slow read). A stream whose handler still runs is not touched. */
  readonly responseStallMs: number;
  /** A socket that takes no byte for so long is destroyed. */
  readonly socketStallMs: number;
  /** How long a connection that was told GOAWAY may take to close its side. */
  readonly closeTimeoutMs: number;
  /** How long the first GOAWAY of a drain waits for its PING before the second one names the last stream. */
  readonly drainPingTimeoutMs: number;
  /** Pings of the peer closer than this are strikes … */
  readonly minPingIntervalMs: number;
  /** … and closer than this when no stream is open. */
  readonly minIdlePingIntervalMs: number;
  /** More strikes than this end the connection with `too_many_pings`. DATA or HEADERS forgive them. */
  readonly maxPingStrikes: number;
  /** Connections of the process. */
  readonly maxConnections: number;
  /** Connections of one address; 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /** Received bytes that the process may keep for handlers which do not read. At half of it windows stop
   * growing and the connection windows wait for the handlers; above it new streams are refused. */
  readonly memoryBudgetBytes: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

export const defaultLimits: Http2Limits = {
  maxConcurrentStreams: 1024,
  resetBurst: 2000,
  resetsPerSecond: 500,
  provokedResetBurst: 200,
  provokedResetsPerSecond: 20,
  glitchBurst: 10_000,
  glitchesPerSecond: 1000,
  maxQueuedControlFrames: 100,
  maxSettingsEntries: 32,
  maxContinuationFrames: 8,
  maxHeaderListBytes: 16 * KiB,
  maxHeaderBlockBytes: 64 * KiB,
  maxHeaderFields: 128,
  headerTableBytes: 4096,
  maxEncoderTableBytes: 4096,
  maxEmptyDataFrames: 100,
  streamWindowBytes: 256 * KiB,
  connectionWindowBytes: 1 * MiB,
  maxWindowBytes: 4 * MiB,
  connectionBufferBytes: 8 * MiB,
  socketBufferBytes: 256 * KiB,
  framesPerTurn: 1000,
  prefaceTimeoutMs: 10_000,
  tlsHandshakeTimeoutMs: 10_000,
  settingsTimeoutMs: 10_000,
  headerBlockTimeoutMs: 10_000,
  responseStallMs: 60_000,
  socketStallMs: 20_000,
  closeTimeoutMs: 1000,
  drainPingTimeoutMs: 5000,
  minPingIntervalMs: 5 * 60_000,
  minIdlePingIntervalMs: 2 * 60 * 60_000,
  maxPingStrikes: 2,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 0,
  memoryBudgetBytes: 256 * MiB,
};

/** For a server that faces the internet without a proxy before it: fewer streams, as Envoy's edge guide has it. */
export const edgeLimits: Http2Limits = { ...defaultLimits, maxConcurrentStreams: 100 };
