import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** What all four methods take and give. Anything that JSON can say goes over the wire. */
export interface Message {
  text: string;
  /** A value that JSON refuses stands for a reply that cannot be serialized. */
  extra?: unknown;
}

/** A handler for any of the four methods. */
export interface Handlers {
  unary?: handleUnaryCall<Message, Message>;
  clientStream?: handleClientStreamingCall<Message, Message>;
  serverStream?: handleServerStreamingCall<Message, Message>;
  bidi?: handleBidiStreamingCall<Message, Message>;
}

export const serialize = (message: Message): Buffer => Buffer.from(JSON.stringify(message));
export const deserialize = (bytes: Buffer): Message => JSON.parse(bytes.toString()) as Message;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  const originalName = name[0].toLowerCase() + name.slice(1);
  return {
    path: `/twin.Test/${name}`,
    originalName,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  } satisfies MethodDefinition<Message, Message>;
}

/** One method of each kind; needs no .proto file. */
export const service = {
  Unary: method("Unary", false, false),
  ClientStream: method("ClientStream", true, false),
  ServerStream: method("ServerStream", false, true),
  Bidi: method("Bidi", true, true),
};

export const untyped = (handlers: Handlers): UntypedServiceImplementation =>
  ({ ...handlers }) as UntypedServiceImplementation;

/** One message in gRPC's envelope. */
export function envelope(message: Message | Uint8Array, flag = 0): Buffer {
  const bytes = message instanceof Uint8Array ? message : serialize(message);
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}
