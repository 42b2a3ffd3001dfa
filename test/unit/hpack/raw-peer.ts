import { once } from "node:events";
import type { Socket } from "node:net";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER_BYTES = 9;

export const FrameType = { DATA: 0, HEADERS: 1, SETTINGS: 4 } as const;
const ACK = 0x1;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PRIORITY = 0x20;
const HEADER_TABLE_SIZE = 0x1;

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Just enough HTTP/2 on a socket to exchange header blocks with a real peer: it reads frames one after the other. */
export class RawPeer {
  private readonly chunks: AsyncIterator<Buffer>;
  private pending = Buffer.alloc(0);

  constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    this.chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Reads the client's connection preface. */
  async readPreface(): Promise<void> {
    const preface = (await this.take(PREFACE.length)).toString("latin1");
    if (preface !== PREFACE) throw new Error(`not an HTTP/2 client: ${preface}`);
  }

  sendPreface(): void {
    this.socket.write(PREFACE, "latin1");
  }

  /** Sends SETTINGS, with a header table size when one is given. */
  sendSettings(headerTableSize?: number): void {
    const payload = Buffer.alloc(headerTableSize === undefined ? 0 : 6);
    if (headerTableSize !== undefined) {
      payload.writeUInt16BE(HEADER_TABLE_SIZE, 0);
      payload.writeUInt32BE(headerTableSize, 2);
    }
    this.sendFrame(FrameType.SETTINGS, 0, 0, payload);
  }

  /** Sends a header block whole. */
  sendHeaders(streamId: number, block: Uint8Array, endStream: boolean): void {
    this.sendFrame(FrameType.HEADERS, END_HEADERS | (endStream ? END_STREAM : 0), streamId, block);
  }

  /**
   * The next HEADERS frame: its stream and its header block. Settings on the way are acknowledged; `onTableSize` is
   * told the size they name, `onAck` that ours are in force.
   */
  async readHeaders(events: {
    onTableSize?: (size: number) => void;
    onAck?: () => void;
  }): Promise<{ streamId: number; block: Buffer }> {
    for (;;) {
      const frame = await this.readFrame();
      if (frame.type === FrameType.SETTINGS && (frame.flags & ACK) !== 0) events.onAck?.();
      else if (frame.type === FrameType.SETTINGS) {
        for (const size of tableSizesOf(frame.payload)) events.onTableSize?.(size);
        this.sendFrame(FrameType.SETTINGS, ACK, 0, Buffer.alloc(0));
      } else if (frame.type === FrameType.HEADERS) {
        if ((frame.flags & END_HEADERS) === 0) throw new Error("a header block of several frames");
        return {
          streamId: frame.streamId,
          block: frame.payload.subarray((frame.flags & PRIORITY) !== 0 ? 5 : 0),
        };
      }
    }
  }

  async readFrame(): Promise<RawFrame> {
    const header = await this.take(FRAME_HEADER_BYTES);
    const payload = await this.take(header.readUIntBE(0, 3));
    return { type: header[3], flags: header[4], streamId: header.readUInt32BE(5), payload };
  }

  async close(): Promise<void> {
    const closed = once(this.socket, "close");
    this.socket.destroy();
    await closed;
  }

  private sendFrame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.writeUIntBE(payload.length, 0, 3);
    header[3] = type;
    header[4] = flags;
    header.writeUInt32BE(streamId, 5);
    this.socket.write(Buffer.concat([header, payload]));
  }

  private async take(length: number): Promise<Buffer> {
    while (this.pending.length < length) {
      const { value, done } = await this.chunks.next();
      if (done) throw new Error("the peer hung up");
      this.pending = Buffer.concat([this.pending, value]);
    }
    const taken = this.pending.subarray(0, length);
    this.pending = this.pending.subarray(length);
    return taken;
  }
}

function tableSizesOf(payload: Buffer): number[] {
  const sizes: number[] = [];
  for (let at = 0; at < payload.length; at += 6) {
    if (payload.readUInt16BE(at) === HEADER_TABLE_SIZE) sizes.push(payload.readUInt32BE(at + 2));
  }
  return sizes;
}
