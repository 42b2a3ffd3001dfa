// The messages of proto/connectrpc/conformance/v1, as handlers see them, as far as the server uses them.
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from "@grpc/grpc-js";

/** Metadata of one key. Values of `-bin` keys are base64 here. */
export interface Header {
  name: string;
  value: string[];
}

/** google.protobuf.Any, as it arrives. */
export interface ReceivedAny {
  type_url: string;
  value: Buffer;
}

export interface ErrorDefinition {
  /** `CODE_NOT_FOUND` */
  code: string;
  message?: string;
  details: ReceivedAny[];
}

interface ResponseDefinition {
  responseHeaders: Header[];
  responseTrailers: Header[];
  responseDelayMs: number;
}

export interface UnaryResponseDefinition extends ResponseDefinition {
  responseData?: Buffer;
  error?: ErrorDefinition;
}

export interface StreamResponseDefinition extends ResponseDefinition {
  responseData: Buffer[];
  error: ErrorDefinition | null;
}

export interface UnaryRequest {
  responseDefinition: UnaryResponseDefinition | null;
  requestData: Buffer;
}

export interface StreamRequest {
  responseDefinition: StreamResponseDefinition | null;
  requestData: Buffer;
}

export interface BidiStreamRequest extends StreamRequest {
  fullDuplex: boolean;
}

export interface RequestInfo {
  requestHeaders?: Header[];
  timeoutMs?: number;
  /** Each a message with the name of its type, to be wrapped into an Any. */
  requests: ({ "@type": string } & object)[];
}

export interface PayloadResponse {
  payload: { data?: Buffer; requestInfo?: RequestInfo };
}

type Nothing = Record<string, never>;

export interface ConformanceHandlers {
  Unary: handleUnaryCall<UnaryRequest, PayloadResponse>;
  ServerStream: handleServerStreamingCall<StreamRequest, PayloadResponse>;
  ClientStream: handleClientStreamingCall<UnaryRequest, PayloadResponse>;
  BidiStream: handleBidiStreamingCall<BidiStreamRequest, PayloadResponse>;
  Unimplemented: handleUnaryCall<Nothing, Nothing>;
  IdempotentUnary: handleUnaryCall<UnaryRequest, PayloadResponse>;
}

/** How the runner wants this server to be. */
export interface ServerCompatRequest {
  useTls: boolean;
  /** PEM; empty when clients need no certificate. */
  clientTlsCert: Buffer;
  /** Bytes; 0: no limit of its own. */
  messageReceiveLimit: number;
  serverCreds: { cert: Buffer; key: Buffer } | null;
}
