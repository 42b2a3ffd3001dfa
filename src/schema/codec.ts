import protobuf from "protobufjs";
import { MessageDecoder } from "./message-decoder.ts";
import { MessageEncoder } from "./message-encoder.ts";
import { fullNameOf } from "./proto-links.ts";
import type { Codec } from "./types.ts";
import { ValueError } from "./value-error.ts";
import { WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/** The writer that is not in use. A getter of a message may encode another message meanwhile. */
let idleWriter: WireWriter | undefined;

/** Nothing that runs during a decode could begin another. */
const reader = new WireReader();

/** The codecs of one schema, one for each message type, made when first asked for. */
export class CodecRegistry {
  private readonly codecs = new Map<protobuf.Type, Codec>();
  private readonly encoders = new Map<protobuf.Type, MessageEncoder>();
  private readonly decoders = new Map<protobuf.Type, MessageDecoder>();

  constructor(private readonly root: protobuf.Root) {}

  /** The shape of the values is that of `conversion.ts`. */
  get(type: protobuf.Type): Codec {
    let codec = this.codecs.get(type);
    if (codec === undefined) {
      codec = new MessageCodec(fullNameOf(type), this.encoderOf(type), this.decoderOf(type));
      this.codecs.set(type, codec);
    }
    return codec;
  }

  private encoderOf(type: protobuf.Type): MessageEncoder {
    let encoder = this.encoders.get(type);
    if (encoder === undefined) {
      encoder = isAny(type) ? new AnyEncoder((name) => this.encoderByName(name)) : new MessageEncoder();
      this.encoders.set(type, encoder);
      encoder.prepare(type, (nested) => this.encoderOf(nested));
    }
    return encoder;
  }

  private encoderByName(name: string): MessageEncoder | undefined {
    const type = this.root.lookup(name, [protobuf.Type]);
    return type instanceof protobuf.Type ? this.encoderOf(type) : undefined;
  }

  private decoderOf(type: protobuf.Type): MessageDecoder {
    let decoder = this.decoders.get(type);
    if (decoder === undefined) {
      decoder = new MessageDecoder();
      this.decoders.set(type, decoder);
      decoder.prepare(type, (nested) => this.decoderOf(nested));
    }
    return decoder;
  }
}

class MessageCodec implements Codec {
  constructor(
    readonly typeName: string,
    private readonly encoder: MessageEncoder,
    private readonly decoder: MessageDecoder,
  ) {}

  encode(value: unknown): Uint8Array {
    const writer = idleWriter ?? new WireWriter();
    idleWriter = undefined;
    try {
      this.encoder.write(writer, value, 0);
      return writer.finish();
    } catch (error) {
      writer.reset();
      if (error instanceof ValueError) throw new TypeError(error.describe(this.typeName), { cause: error });
      throw error;
    } finally {
      idleWriter = writer;
    }
  }

  decode(bytes: Uint8Array): unknown {
    const message = this.decoder.create();
    reader.open(bytes);
    try {
      this.decoder.readInto(reader, message, 0);
    } catch (error) {
      throw new TypeError(`These bytes are no ${this.typeName}: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      reader.close();
    }
    return message;
  }
}

function isAny(type: protobuf.Type): boolean {
  return type.fullName === ".google.protobuf.Any";
}

/** Also takes a message with its type's name beside its fields, as in JSON: `{ "@type": "…/pkg.Type", … }`. */
class AnyEncoder extends MessageEncoder {
  constructor(private readonly encoderByName: (name: string) => MessageEncoder | undefined) {
    super();
  }

  override write(writer: WireWriter, value: unknown, depth: number): void {
    super.write(writer, this.unwrapped(value, depth), depth);
  }

  private unwrapped(value: unknown, depth: number): unknown {
    const url = (value as { "@type"?: unknown } | null | undefined)?.["@type"];
    if (typeof url !== "string") return value;
    const encoder = this.encoderByName(url.slice(url.lastIndexOf("/") + 1));
    if (encoder === undefined) throw new ValueError(`the schema has no type "${url}"`).at('["@type"]');
    const inner = new WireWriter();
    encoder.write(inner, value, depth + 1);
    return { type_url: url.includes("/") ? url : `type.googleapis.com/${url}`, value: inner.finish() };
  }
}
