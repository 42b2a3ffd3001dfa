// The messages and services of proto/grpc/testing, as handlers see them, as far as the server uses them.
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from "@grpc/grpc-js";

export type Empty = Record<string, never>;

export interface Payload {
  type: "COMPRESSABLE" | number;
  body: Buffer;
}

/** A bool that may be absent. */
export interface BoolValue {
  value: boolean;
}

export interface EchoStatus {
  code: number;
  message: string;
}

export interface TestOrcaReport {
  cpuUtilization: number;
  memoryUtilization: number;
  requestCost: Record<string, number>;
  utilization: Record<string, number>;
}

export interface SimpleRequest {
  responseType: Payload["type"];
  responseSize: number;
  payload: Payload | null;
  fillServerId: boolean;
  responseCompressed: BoolValue | null;
  responseStatus: EchoStatus | null;
  expectCompressed: BoolValue | null;
  orcaPerQueryReport: TestOrcaReport | null;
  orcaOobReport: TestOrcaReport | null;
}

export interface SimpleResponse {
  payload: Payload;
  serverId?: string;
  hostname: string;
}

export interface StreamingInputCallRequest {
  payload: Payload | null;
  expectCompressed: BoolValue | null;
}

export interface StreamingInputCallResponse {
  aggregatedPayloadSize: number;
}

export interface ResponseParameters {
  size: number;
  intervalUs: number;
  compressed: BoolValue | null;
}

export interface StreamingOutputCallRequest {
  responseType: Payload["type"];
  responseParameters: ResponseParameters[];
  payload: Payload | null;
  responseStatus: EchoStatus | null;
  orcaOobReport: TestOrcaReport | null;
}

export interface StreamingOutputCallResponse {
  payload: Payload;
}

export interface TestServiceHandlers {
  EmptyCall: handleUnaryCall<Empty, Empty>;
  UnaryCall: handleUnaryCall<SimpleRequest, SimpleResponse>;
  CacheableUnaryCall: handleUnaryCall<SimpleRequest, SimpleResponse>;
  StreamingOutputCall: handleServerStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse>;
  StreamingInputCall: handleClientStreamingCall<StreamingInputCallRequest, StreamingInputCallResponse>;
  FullDuplexCall: handleBidiStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse>;
  HalfDuplexCall: handleBidiStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse>;
  UnimplementedCall: handleUnaryCall<Empty, Empty>;
}
