import type { BandwidthEstimator } from "./bandwidth.ts";
import type { Http2Limits } from "./limits.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { Sender } from "./sender.ts";
import type { Http2Stream } from "./stream.ts";
import * as state from "./stream-state.ts";
import { StreamState } from "./stream-state.ts";
import { slowReceiverOverBudget, streamWindowExceeded, type Violation } from "./violations.ts";
import { ReceiveWindow } from "./window.ts";

const INITIAL_WINDOW_BYTES = 65_535;

/**
 * DATA on its way in: counts it against both windows, and gives them back as it is consumed (RFC 9113 section 5.2).
 *
 * What a paused stream keeps closes that stream's window only. The connection's window is given back at once while
 * the memory budget has room, so that one slow handler does not hold up its neighbours; when memory is short it is
 * given back as the handler reads.
 */
export class Inflow {
  private readonly window: ReceiveWindow;
  private streamWindowBytes: number;

  constructor(
    private readonly limits: Http2Limits,
    private readonly budget: MemoryBudget,
    private readonly bandwidth: BandwidthEstimator,
    private readonly sender: Sender,
    private readonly sampleBandwidth: () => void,
  ) {
    // Only SETTINGS make a window smaller than the initial one: a stream's once they are acknowledged, the
    // connection's never (RFC 9113 section 6.9.2).
    this.window = new ReceiveWindow(Math.max(INITIAL_WINDOW_BYTES, limits.connectionWindowBytes));
    this.streamWindowBytes = Math.max(INITIAL_WINDOW_BYTES, limits.streamWindowBytes);
  }

  recvSettingsAck(): void {
    this.streamWindowBytes = this.limits.streamWindowBytes;
  }

  /** Counts a frame's bytes; false when the peer has sent more than the connection's window. */
  take(bytes: number): boolean {
    return this.window.take(bytes);
  }

  /** Hands a payload to its stream. `frameBytes` has the padding as well, which flow control counts. */
  deliver(stream: Http2Stream, payload: Buffer, frameBytes: number, endStream: boolean): Violation | null {
    if (!endStream || stream.receiveWindow !== null || frameBytes > this.streamWindowBytes) {
      stream.receiveWindow ??= new ReceiveWindow(this.streamWindowBytes);
      if (!stream.receiveWindow.take(frameBytes)) {
        this.returnToConnection(frameBytes);
        return streamWindowExceeded;
      }
    }
    this.bandwidth.recvData(frameBytes);
    const kept = stream.isHeldBack() ? payload.length : 0;
    const keptBefore = stream.kept;
    if (endStream) stream.state = state.recvEnd(stream.state);
    if (kept > 0 && !this.budget.hasRoom) stream.connectionDebt += kept;
    else this.returnToConnection(kept);
    this.returnToConnection(frameBytes - kept);
    const violation = stream.recvData(payload, endStream);
    this.returnToStream(stream, frameBytes - kept);
    // Whether it is kept here for a paused receiver, or by a receiver whose message is not whole yet.
    if (violation === null && this.budget.isSpent && stream.kept > keptBefore) return slowReceiverOverBudget;
    return violation;
  }

  /** The receiver has read bytes that were kept for it. */
  recvConsumed(stream: Http2Stream, bytes: number): void {
    const debt = Math.min(stream.connectionDebt, bytes);
    stream.connectionDebt -= debt;
    this.returnToConnection(debt);
    this.returnToStream(stream, bytes);
  }

  /** The stream is gone: what it owes the connection's window is given back. */
  settle(stream: Http2Stream): void {
    this.returnToConnection(stream.connectionDebt);
    stream.connectionDebt = 0;
  }

  returnToConnection(bytes: number): void {
    if (bytes === 0) return;
    const increment = this.window.consume(bytes, this.bandwidth.connectionTarget);
    if (increment > 0) this.sender.sendWindowUpdate(0, increment);
  }

  private returnToStream(stream: Http2Stream, bytes: number): void {
    if (stream.requestEnded || stream.receiveWindow === null || stream.state === StreamState.closed) return;
    const increment = stream.receiveWindow.consume(bytes, this.bandwidth.streamTarget);
    if (increment === 0) return;
    this.sender.sendWindowUpdate(stream.id, increment);
    this.sampleBandwidth();
  }
}
