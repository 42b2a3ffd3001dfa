/**
 * Where a connection's bytes go. The engine has no socket: whoever carries the bytes implements this.
 */
export interface ByteSink {
  /**
   * Sends `bytes[start, end)`. Returns true when the memory may be used again at once, false when it now belongs
   * to the sink. Must not call back into the connection.
   */
  write(bytes: Buffer, start: number, end: number): boolean;
  /** Sends pieces in order. Their memory belongs to the sink. */
  writeMany(pieces: readonly Uint8Array[]): void;
  /** Bytes accepted and not yet passed on to the peer's system. */
  readonly pendingBytes: number;
}

/** One read turn answers many small frames; 64 KiB holds the answers to over a thousand unary calls. */
const SCRATCH_BYTES = 64 * 1024;
/** Above it a piece is sent from where it lies; below, copying it is cheaper than one more piece to the kernel. */
const CHAIN_FROM_BYTES = 8 * 1024;
/** More than this is not kept for the end of the turn. */
const FLUSH_FROM_BYTES = 256 * 1024;

/**
 * The memory that all connections write their frames into, one at a time. A buffer for each connection would cost
 * 64 KiB a connection, and the garbage collector would pay for it.
 */
export class SharedScratch {
  bytes: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  used = 0;
  owner: Output | null = null;

  /** The memory was given away with the bytes in it: take new. */
  replace(): void {
    this.bytes = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    this.used = 0;
  }
}

/** The frames of one connection on their way out, gathered until the end of a turn. */
export class Output {
  private pieces: Uint8Array[] = [];
  private pieceBytes = 0;
  /** Bytes given to the sink since the connection began. */
  handedBytes = 0;
  /** Where the part of the scratch begins that is not among the pieces. */
  private sealedTo = 0;

  constructor(
    private readonly sink: ByteSink,
    private readonly scratch: SharedScratch,
  ) {}

  get isEmpty(): boolean {
    return this.scratch.owner !== this && this.pieces.length === 0;
  }

  /** The memory that {@link reserve} gives places in. It may change with every `reserve`. */
  get buffer(): Buffer {
    return this.scratch.bytes;
  }

  /** A place for `bytes` contiguous bytes, at most a frame of the smallest size with its header. */
  reserve(bytes: number): number {
    const { scratch } = this;
    if (scratch.owner !== this) {
      scratch.owner?.flush();
      scratch.owner = this;
      scratch.used = 0;
      this.sealedTo = 0;
    }
    if (scratch.used + bytes > scratch.bytes.length) {
      this.seal();
      scratch.replace();
      this.sealedTo = 0;
    }
    const at = scratch.used;
    scratch.used = at + bytes;
    return at;
  }

  /** Gives back the end of the last place, when an upper bound was reserved and less was needed. */
  trim(end: number): void {
    this.scratch.used = end;
  }

  /** Appends a part of a body: copied when small, chained when large. */
  append(bytes: Uint8Array): void {
    if (bytes.length < CHAIN_FROM_BYTES) {
      const at = this.reserve(bytes.length);
      this.scratch.bytes.set(bytes, at);
      return;
    }
    // The pieces keep their order, so what lies in the scratch goes first.
    if (this.scratch.owner === this) this.seal();
    this.pieces.push(bytes);
    this.pieceBytes += bytes.length;
  }

  /** Whether so much is gathered that it should leave before the turn ends. */
  get isLarge(): boolean {
    return this.pieceBytes >= FLUSH_FROM_BYTES;
  }

  /** Hands everything to the sink. */
  flush(): void {
    const { scratch } = this;
    if (this.pieces.length > 0) {
      if (scratch.owner === this) this.seal();
      const { pieces } = this;
      this.pieces = [];
      this.handedBytes += this.pieceBytes;
      this.pieceBytes = 0;
      if (scratch.owner === this) {
        scratch.owner = null;
        scratch.replace();
      }
      this.sink.writeMany(pieces);
    } else if (scratch.owner === this) {
      scratch.owner = null;
      this.handedBytes += scratch.used;
      if (scratch.used > 0 && !this.sink.write(scratch.bytes, 0, scratch.used)) scratch.replace();
    }
  }

  /** Forgets everything: the connection is gone. */
  discard(): void {
    this.pieces = [];
    this.pieceBytes = 0;
    if (this.scratch.owner === this) this.scratch.owner = null;
  }

  private seal(): void {
    const { scratch, sealedTo } = this;
    if (scratch.used === sealedTo) return;
    this.pieces.push(scratch.bytes.subarray(sealedTo, scratch.used));
    this.pieceBytes += scratch.used - sealedTo;
    this.sealedTo = scratch.used;
  }
}
