import { type AbortReason, type Exchange, type ExchangeReceiver, FieldSection } from "../../exchange.ts";
import { Call, type CallWriter } from "../../rpc/call.ts";
import { compress, type Encoding, InflatesTooLargeError, inflate } from "../../rpc/compression.ts";
import { type Metadata, metadataToFields } from "../../rpc/metadata.ts";
import type { Method } from "../../rpc/method.ts";
import type { CallHost } from "../../rpc/protocol.ts";
import { OK, type Status, StatusCode } from "../../rpc/status.ts";
import { Deframer, type MessageSink, messagePrefix } from "./deframer.ts";
import { type GrpcHead, statusFields } from "./head.ts";
import { Outbox } from "./outbox.ts";

/** The end of nearly every call. */
const TRAILERS_OK = new FieldSection(0, ["grpc-status", "0"], true);

/** One gRPC call on its exchange: bytes to messages, messages and status to bytes. */
export class GrpcExchangeCall implements ExchangeReceiver, MessageSink, CallWriter {
  readonly call: Call;
  private readonly deframer: Deframer;
  private hasEnded = false;
  private hasResponded = false;
  private isPaused = false;
  /** A message is being inflated: those behind it wait, and the peer's window closes. */
  private isInflating = false;
  /** Made when a first message is compressed elsewhere. */
  private outbox: Outbox | null = null;

  constructor(
    private readonly exchange: Exchange,
    private readonly head: GrpcHead,
    method: Method,
    private readonly host: CallHost,
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
    this.outbox?.drop();
    const isClient = reason === "reset-by-peer";
    this.call.recvCancel(isClient ? "The client cancelled the call" : "The connection to the client is gone");
  }

  onDrain(): void {
    this.call.recvDrain();
  }

  // ── From the deframer ─────────────────────────────────────────────────────────────────────────────────────

  recvMessage(message: Uint8Array, isCompressed: boolean): void {
    if (isCompressed) this.recvCompressed(message);
    else this.call.recvMessage(message);
  }

  private recvCompressed(message: Uint8Array): void {
    const { encoding } = this.head;
    if (encoding === null) {
      // "If the Compressed-Flag is set but the message encoding is identity, the call fails" (doc/compression.md).
      this.deframer.stop();
      this.call.finish({ code: StatusCode.INTERNAL, message: "Compressed message without grpc-encoding" });
      return;
    }
    let inflated: Uint8Array | Promise<Uint8Array>;
    try {
      inflated = inflate(encoding, message, this.call.maxReceiveBytes);
    } catch (error) {
      this.recvBadCompression(encoding, error);
      return;
    }
    if (inflated instanceof Promise) this.recvInflating(encoding, inflated, message.length);
    else this.call.recvMessage(inflated, true);
  }

  private recvInflating(encoding: Encoding, inflated: Promise<Uint8Array>, bytes: number): void {
    const fail = (error: unknown) => this.call.fail(error);
    this.isInflating = true;
    this.deframer.pause();
    this.exchange.pause();
    this.exchange.hold(bytes);
    inflated
      .then(
        (message) => this.call.recvMessage(message, true),
        (error) => this.recvBadCompression(encoding, error),
      )
      .catch(fail)
      .finally(() => {
        this.exchange.hold(-bytes);
        this.isInflating = false;
        if (!this.isPaused && !this.call.isOver) this.resume();
      })
      .catch(fail);
  }

  private recvBadCompression(encoding: Encoding, error: unknown): void {
    this.deframer.stop();
    if (error instanceof InflatesTooLargeError) {
      const message = `Received message that decompresses to a size larger than ${this.call.maxReceiveBytes}`;
      this.call.finish({ code: StatusCode.RESOURCE_EXHAUSTED, message });
    } else {
      this.host.log.debug("A request could not be decompressed", { method: this.call.method.path, error });
      const message = `The request message could not be decompressed as ${encoding}`;
      this.call.finish({ code: StatusCode.INTERNAL, message });
    }
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
    if (!this.hasEnded || this.isPaused || this.isInflating) return;
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
    if (this.isInflating) return;
    this.deframer.resume();
    // The messages that were kept may have filled the queue again.
    if (this.isPaused || this.isInflating) return;
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
    const encoding = this.call.compress ? this.head.replyEncoding : null;
    if (this.outbox === null) {
      if (encoding === null) return this.putMessage(message, false);
      this.outbox = new Outbox(() => {
        if (this.exchange.bufferedBytes === 0) this.call.recvDrain();
      });
    }
    let isFree = true;
    const isNext = this.outbox.run(() => {
      isFree = this.writeEncoded(message, encoding);
    });
    return isNext && isFree;
  }

  private writeEncoded(message: Uint8Array, encoding: Encoding | null): boolean {
    const { compression } = this.host;
    if (encoding === null || message.length < compression.minBytes) return this.putMessage(message, false);
    const compressed = compress(encoding, message, compression);
    if (!(compressed instanceof Promise)) return this.putMessage(compressed, true);
    this.outbox
      ?.sendLater(compressed, (bytes) => this.putMessage(bytes, true))
      .catch((error) => this.call.fail(error));
    return false;
  }

  private putMessage(bytes: Uint8Array, isCompressed: boolean): boolean {
    return this.exchange.write(messagePrefix(bytes.length, isCompressed), bytes);
  }

  writeStatus(status: Status, trailers: Metadata | null, responseMetadata: Metadata | null): void {
    this.deframer.stop();
    // An error does not wait for messages that are not ready.
    if (status.code !== StatusCode.OK) this.outbox?.drop();
    if (this.outbox === null) this.endWith(status, trailers, responseMetadata);
    else this.outbox.run(() => this.endWith(status, trailers, responseMetadata));
  }

  private endWith(status: Status, trailers: Metadata | null, responseMetadata: Metadata | null): void {
    if (status === OK && trailers === null && this.hasResponded) {
      this.exchange.end(TRAILERS_OK);
      return;
    }
    // In a Trailers-Only answer a client would take the response's metadata for trailers.
    if (responseMetadata !== null && !responseMetadata.isEmpty) this.writeHeaders(responseMetadata);
    const fields = statusFields(status.code, status.message, status.encodedDetails);
    if (trailers !== null) metadataToFields(trailers, fields);
    if (this.hasResponded) this.exchange.end(new FieldSection(0, fields));
    else this.exchange.respondAndEnd(new FieldSection(200, [...this.head.responseHeaders.fields, ...fields]));
  }
}
