import { EventEmitter } from "node:events";
import { Duplex, Writable } from "node:stream";
import type { Metadata as GrpcMetadata, ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { AuthContext } from "./connection.ts";
import type { PerRequestMetricRecorder, ServerErrorResponse } from "./internals.ts";
import { OK, type PartialStatus, statusOfError } from "./status.ts";

/** What a handler's call is made of. */
export interface CallParts {
  readonly path: string;
  /** Behind all interceptors. */
  readonly call: ServerInterceptingCallInterface;
  /** Asked when the handler first asks for it. */
  readonly metadata: () => GrpcMetadata;
}

// biome-ignore lint/suspicious/noExplicitAny: a mixin's constructor has to have this type
type Constructor<Instance> = new (...args: any[]) => Instance;

/** What every handler's call can be asked, whatever else it is. */
interface Surface {
  cancelled: boolean;
  parts: CallParts;
  metadata: GrpcMetadata;
  getPeer(): string;
  sendMetadata(metadata: GrpcMetadata): void;
  getDeadline(): Date | number;
  getPath(): string;
  getHost(): string;
  getAuthContext(): AuthContext;
  getMetricsRecorder(): PerRequestMetricRecorder;
}

/** A stream that takes the trailers where others take a last chunk. */
interface Replies extends Surface {
  /** To be called by the constructor. */
  begin(parts: CallParts): void;
}

function withSurface<Base extends Constructor<EventEmitter>>(base: Base): Base & Constructor<Surface> {
  return class extends base implements Surface {
    cancelled = false;
    parts!: CallParts;
    #ownMetadata: GrpcMetadata | undefined = undefined;

    get metadata(): GrpcMetadata {
      this.#ownMetadata ??= this.parts.metadata();
      return this.#ownMetadata;
    }

    set metadata(metadata: GrpcMetadata) {
      this.#ownMetadata = metadata;
    }

    getPeer(): string {
      return this.parts.call.getPeer();
    }

    sendMetadata(metadata: GrpcMetadata): void {
      this.parts.call.sendMetadata(metadata);
    }

    getDeadline(): Date | number {
      return this.parts.call.getDeadline();
    }

    getPath(): string {
      return this.parts.path;
    }

    getHost(): string {
      return this.parts.call.getHost();
    }

    getAuthContext(): AuthContext {
      return this.parts.call.getAuthContext();
    }

    getMetricsRecorder(): PerRequestMetricRecorder {
      return this.parts.call.getMetricsRecorder();
    }
  };
}

/** With these Node destroys a stream that has been read to its end by `pipeline` or an iteration. */
const NODE_HAS_DONE: ReadonlySet<unknown> = new Set(["ERR_STREAM_PREMATURE_CLOSE", "ABORT_ERR"]);

/** A stream of replies. It ends with the status of an error, or with OK and the metadata that was given to `end`. */
function withReplies<Base extends Constructor<Writable>>(base: Base): Base & Constructor<Replies> {
  return class extends withSurface(base as Constructor<Writable>) implements Replies {
    #status: PartialStatus = OK;
    #trailer: GrpcMetadata | null = null;
    #isStatusSent = false;

    begin(parts: CallParts): void {
      this.parts = parts;
      this.on("error", (error: ServerErrorResponse) => this.#recvError(error));
    }

    override _write(message: unknown, _encoding: string, callback: () => void): void {
      this.parts.call.sendMessage(message, callback);
    }

    override _final(callback: () => void): void {
      callback();
      this.#sendStatus();
    }

    override end(metadata?: unknown): this {
      if (metadata) this.#trailer = metadata as GrpcMetadata;
      // Node destroys a duplex stream behind the last message of an iteration or pipeline; the handler means a plain end.
      if (this.destroyed) this.#sendStatus();
      return super.end();
    }

    /** What was written before goes first, unless the stream was destroyed. */
    #recvError(error: ServerErrorResponse): void {
      if (this.#isStatusSent || NODE_HAS_DONE.has((error as { code?: unknown }).code)) return;
      this.#status = statusOfError(error);
      if (this.destroyed) this.#sendStatus();
      else this.end();
    }

    #sendStatus(): void {
      if (this.#isStatusSent) return;
      this.#isStatusSent = true;
      this.parts.call.sendStatus({ ...this.#status, metadata: this.#status.metadata ?? this.#trailer });
    }
  } as unknown as Base & Constructor<Replies>;
}

/** The call of a method without streams. */
export class UnaryCall extends withSurface(EventEmitter) {
  constructor(
    parts: CallParts,
    public request: unknown,
  ) {
    super();
    this.parts = parts;
  }
}

/** The call of a method that answers with a stream. */
export class WritableCall extends withReplies(Writable) {
  constructor(
    parts: CallParts,
    public request: unknown,
  ) {
    super({ objectMode: true });
    this.begin(parts);
  }
}

/** The call of a method whose client sends a stream; it answers with a stream, too, or by a callback. */
export class DuplexCall extends withReplies(Duplex) {
  constructor(parts: CallParts) {
    super({ objectMode: true });
    this.begin(parts);
  }

  override _read(): void {
    this.parts.call.startRead();
  }
}
