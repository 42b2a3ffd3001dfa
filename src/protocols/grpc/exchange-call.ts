import { type AbortReason, type Exchange, type ExchangeReceiver, FieldSection } from "../../exchange.ts";
import { Call, type CallWriter } from "../../rpc/call.ts";
import { type Metadata, metadataToFields } from "../../rpc/metadata.ts";
import type { CallHost } from "../../rpc/protocol.ts";
import type { BoundMethod } from "../../rpc/service.ts";
import { OK, type Status, StatusCode } from "../../rpc/status.ts";
import { Deframer, type MessageSink, messagePrefix } from "./deframer.ts";
import { type GrpcHead, statusFields } from "./head.ts";

/** The end of nearly every call. */
const TRAILERS_OK = new FieldSection(0, ["grpc-status", "0"], true);

/** One gRPC call on its exchange: bytes to messages, messages and status to bytes. */
export class GrpcExchangeCall implements ExchangeReceiver, MessageSink, CallWriter {
  readonly call: Call;
  private readonly deframer: Deframer;
  private hasEnded = false;
  private hasResponded = false;
  private isPaused = false;

  constructor(
    private readonly exchange: Exchange,
    private readonly head: GrpcHead,
    method: BoundMethod,
    host: CallHost,
  ) {
    this.deframer = new Deframer(this, host.messageLimits.maxReceiveBytes);
    this.call = new Call(host, exchange, this, method, head.timeoutMs);
  }

  // ── From the exchange ─────────────────────────────────────────────────────────────────────────────────────

  onData(bytes: Uint8Array): void {
    this.deframer.recv(bytes);
  }

  onEnd(): void {
    this.hasEnded = true;
    this.finishInput();
  }

  onAbort(reason: AbortReason): void {
    this.deframer.stop();
    const isClient = reason === "reset-by-peer";
    this.call.recvCancel(isClient ? "The client cancelled the call" : "The connection to the client is gone");
  }

  onDrain(): void {
    this.call.recvDrain();
  }

  // ── From the deframer ─────────────────────────────────────────────────────────────────────────────────────

  recvMessage(message: Uint8Array, isCompressed: boolean): void {
    if (isCompressed) {
      // "If the Compressed-Flag is set but the message encoding is identity, the call fails" (doc/compression.md).
      this.deframer.stop();
      this.call.finish({ code: StatusCode.INTERNAL, message: "Compressed message without grpc-encoding" });
      return;
    }
    this.call.recvMessage(message);
  }

  recvBadPrefix(problem: "flag" | "length", value: number): void {
    if (problem === "flag") {
      this.call.finish({ code: StatusCode.INTERNAL, message: `Unexpected payload format ${value}` });
      return;
    }
    const limit = this.call.maxReceiveBytes;
    const message = `Received message larger than max (${value} vs ${limit})`;
    this.call.finish({ code: StatusCode.RESOURCE_EXHAUSTED, message });
  }

  hold(bytes: number): void {
    this.exchange.hold(bytes);
  }

  private finishInput(): void {
    if (!this.hasEnded || this.isPaused) return;
    if (this.deframer.isBetweenMessages) {
      this.call.recvEnd();
      return;
    }
    this.deframer.stop();
    this.call.finish({ code: StatusCode.INTERNAL, message: "The request ended inside a message" });
  }

  // ── From the call ─────────────────────────────────────────────────────────────────────────────────────────

  pause(): void {
    this.isPaused = true;
    this.deframer.pause();
    this.exchange.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.deframer.resume();
    // The messages that were kept may have filled the queue again.
    if (this.isPaused) return;
    if (this.hasEnded) this.finishInput();
    else this.exchange.resume();
  }

  writeHeaders(metadata: Metadata | null): void {
    this.hasResponded = true;
    const { responseHeaders } = this.head;
    if (metadata === null || metadata.isEmpty) {
      this.exchange.respond(responseHeaders);
      return;
    }
    const fields = [...responseHeaders.fields];
    metadataToFields(metadata, fields);
    this.exchange.respond(new FieldSection(200, fields));
  }

  writeMessage(message: Uint8Array): boolean {
    return this.exchange.write(messagePrefix(message.length, false), message);
  }

  writeStatus(status: Status, trailers: Metadata | null, responseMetadata: Metadata | null): void {
    this.deframer.stop();
    if (status === OK && trailers === null && this.hasResponded) {
      this.exchange.end(TRAILERS_OK);
      return;
    }
    // In a Trailers-Only answer a client would take the response's metadata for trailers.
    if (responseMetadata !== null && !responseMetadata.isEmpty) this.writeHeaders(responseMetadata);
    const fields = statusFields(status.code, status.message);
    if (trailers !== null) metadataToFields(trailers, fields);
    if (this.hasResponded) this.exchange.end(new FieldSection(0, fields));
    else this.exchange.respondAndEnd(new FieldSection(200, [...this.head.responseHeaders.fields, ...fields]));
  }
}
