import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import {
  type CallContext,
  implement,
  type LoadReport,
  RpcError,
  type ServiceImplementation,
  StatusCode,
} from "../../src/index.ts";
import type {
  BoolValue,
  EchoStatus,
  Payload,
  ResponseParameters,
  SimpleRequest,
  SimpleResponse,
  StreamingOutputCallRequest,
  StreamingOutputCallResponse,
  TestOrcaReport,
  TestServiceHandlers,
} from "./messages.ts";
import { Turns } from "./turns.ts";

const INITIAL_KEY = "x-grpc-test-echo-initial";
const TRAILING_KEY = "x-grpc-test-echo-trailing-bin";

/** A reply of more than this is refused instead of taking the machine's memory; clients ask for megabytes at most. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;

/**
 * grpc.testing.TestService (gRPC's doc/interop-test-descriptions.md), but for UnimplementedCall, which the server must
 * not serve.
 *
 * @param serverReport what clients are told out of band; they set it through this service
 */
export function testService(serverReport: LoadReport): ServiceImplementation {
  // A client that sets the report reads it back before another one may set it.
  const reportTurns = new Turns();

  return implement<TestServiceHandlers>("grpc.testing.TestService", {
    emptyCall: () => ({}),

    unaryCall(request, call) {
      echoMetadata(call);
      return answerUnary(request, call, serverReport);
    },

    cacheableUnaryCall(request, call) {
      echoMetadata(call);
      call.responseMetadata.set("cache-control", "max-age=60, public");
      return answerUnary(request, call, serverReport);
    },

    async *streamingOutputCall(request, call) {
      echoMetadata(call);
      yield* replies(request, call);
      throwIfAsked(request.responseStatus);
    },

    async streamingInputCall(requests, call) {
      let size = 0;
      for await (const request of requests) {
        checkCompression(request, call);
        size += request.payload?.body.length ?? 0;
      }
      return { aggregatedPayloadSize: size };
    },

    async *fullDuplexCall(requests, call) {
      echoMetadata(call);
      call.sendHeaders();
      let endTurn: (() => void) | undefined;
      try {
        for await (const request of requests) {
          throwIfAsked(request.responseStatus);
          if (request.orcaOobReport !== null) {
            endTurn ??= await reportTurns.take();
            setServerReport(serverReport, request.orcaOobReport);
          }
          yield* replies(request, call);
        }
      } finally {
        endTurn?.();
      }
    },

    async *halfDuplexCall(requests, call) {
      echoMetadata(call);
      const kept: StreamingOutputCallRequest[] = [];
      for await (const request of requests) kept.push(request);
      for (const request of kept) {
        throwIfAsked(request.responseStatus);
        yield* replies(request, call);
      }
    },

    unimplementedCall() {
      throw new RpcError(StatusCode.UNIMPLEMENTED, "UnimplementedCall is not served");
    },
  });
}

function answerUnary(request: SimpleRequest, call: CallContext, serverReport: LoadReport): SimpleResponse {
  checkCompression(request, call);
  throwIfAsked(request.responseStatus);
  if (request.orcaPerQueryReport !== null) setCallReport(call.loadReport, request.orcaPerQueryReport);
  if (request.orcaOobReport !== null) setServerReport(serverReport, request.orcaOobReport);
  call.compress = request.responseCompressed?.value ?? false;
  return {
    payload: payloadOf(request.responseType, request.responseSize),
    hostname: hostname(),
    ...(request.fillServerId && { serverId: `${hostname()}-${process.pid}` }),
  };
}

/** A client that is told so knows that the server can tell the one from the other. */
function checkCompression(request: { expectCompressed: BoolValue | null }, call: CallContext): void {
  if (!request.expectCompressed?.value || call.wasCompressed(request)) return;
  throw new RpcError(StatusCode.INVALID_ARGUMENT, "The request was to be compressed, and is not");
}

async function* replies(
  { responseType, responseParameters }: StreamingOutputCallRequest,
  call: CallContext,
): AsyncGenerator<StreamingOutputCallResponse> {
  for (const parameters of responseParameters) {
    await pauseBefore(parameters, call);
    call.compress = parameters.compressed?.value ?? false;
    yield { payload: payloadOf(responseType, parameters.size) };
  }
}

async function pauseBefore({ intervalUs }: ResponseParameters, { signal }: CallContext): Promise<void> {
  if (intervalUs > 0) await wait(intervalUs / 1000, undefined, { signal });
}

function payloadOf(type: Payload["type"], size: number): Payload {
  if (type !== "COMPRESSABLE") {
    throw new RpcError(StatusCode.INVALID_ARGUMENT, `There is no payload of type ${type}`);
  }
  if (size < 0 || size > MAX_REPLY_BYTES) {
    throw new RpcError(StatusCode.INVALID_ARGUMENT, `There is no payload of ${size} bytes`);
  }
  return { type, body: Buffer.alloc(size) };
}

function throwIfAsked(status: EchoStatus | null): void {
  if (status === null || status.code === StatusCode.OK) return;
  throw new RpcError(status.code as StatusCode, status.message);
}

function echoMetadata({ metadata, responseMetadata, trailers }: CallContext): void {
  const initial = metadata.get(INITIAL_KEY);
  if (initial !== undefined) responseMetadata.set(INITIAL_KEY, initial);
  const trailing = metadata.get(TRAILING_KEY);
  if (trailing !== undefined) trailers.set(TRAILING_KEY, trailing);
}

function setCallReport(report: LoadReport, asked: TestOrcaReport): void {
  setServerReport(report, asked);
  report.requestCost = asked.requestCost;
}

/** A cost is that of one call: the server has none. */
function setServerReport(report: LoadReport, asked: TestOrcaReport): void {
  report.cpuUtilization = asked.cpuUtilization;
  report.memUtilization = asked.memoryUtilization;
  report.utilization = asked.utilization;
}
