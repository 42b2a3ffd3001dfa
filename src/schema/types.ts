/** The four shapes of an RPC, by which side sends a stream of messages. */
export type MethodKind = "unary" | "server-stream" | "client-stream" | "bidi";

/** Turns one message type into bytes and back. */
export interface Codec {
  /** The full name, as in `helloworld.HelloRequest`. */
  readonly typeName: string;
  /** Throws when `value` cannot be this message. The bytes belong to the caller. */
  encode(value: unknown): Uint8Array;
  /** Throws when the bytes are no such message. The result keeps no reference to `bytes`. */
  decode(bytes: Uint8Array): unknown;
}

/** One method of a service, as the .proto file says it. */
export interface MethodSchema {
  /** As written in the .proto file: `SayHello`. */
  readonly name: string;
  /** `/helloworld.Greeter/SayHello`, the `:path` of its calls. */
  readonly path: string;
  readonly kind: MethodKind;
  readonly request: Codec;
  readonly response: Codec;
}

/** One service of the loaded .proto files. */
export interface ServiceSchema {
  /** `helloworld.Greeter` */
  readonly name: string;
  readonly methods: readonly MethodSchema[];
  /** The .proto file that defines it. */
  readonly file: string;
}

/** Everything the loaded .proto files define, by full name. */
export interface Schema {
  readonly services: ReadonlyMap<string, ServiceSchema>;
  /** The codec of a message type, by its full name; undefined when no file defines it. */
  codec(typeName: string): Codec | undefined;
}
