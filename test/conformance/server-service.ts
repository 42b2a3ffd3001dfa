import { setTimeout as wait } from "node:timers/promises";
import {
  type CallContext,
  type Codec,
  type ErrorDetail,
  implement,
  type Metadata,
  RpcError,
  type Schema,
  type ServiceImplementation,
  StatusCode,
} from "../../src/index.ts";
import type {
  BidiStreamRequest,
  ConformanceHandlers,
  ErrorDefinition,
  Header,
  PayloadResponse,
  RequestInfo,
  StreamResponseDefinition,
  UnaryRequest,
  UnaryResponseDefinition,
} from "./server-messages.ts";

const PACKAGE = "connectrpc.conformance.v1";
const REQUEST_INFO = `${PACKAGE}.ConformancePayload.RequestInfo`;

/**
 * connectrpc.conformance.v1.ConformanceService, as its service.proto describes it: requests say how to answer them,
 * and the answer says what was received.
 */
export function conformanceService(schema: Schema): ServiceImplementation {
  const requestInfo = schema.codec(REQUEST_INFO);
  if (requestInfo === undefined) throw new Error(`The .proto files define no ${REQUEST_INFO}`);

  return implement<ConformanceHandlers>(`${PACKAGE}.ConformanceService`, {
    unary: (request, call) => answerOnce([request], call, requestInfo),

    idempotentUnary: (request, call) => answerOnce([request], call, requestInfo),

    async clientStream(requests, call) {
      const received: UnaryRequest[] = [];
      for await (const request of requests) received.push(request);
      return answerOnce(received, call, requestInfo);
    },

    async *serverStream(request, call) {
      const { responseDefinition } = request;
      if (responseDefinition === null) return;
      begin(responseDefinition, call);
      const info = infoOf([request], call);
      yield* replies(responseDefinition, call, info, 0);
      throwIfAsked(responseDefinition, info, requestInfo);
    },

    async *bidiStream(requests, call) {
      let received: BidiStreamRequest[] = [];
      let definition: StreamResponseDefinition | null = null;
      let isFirst = true;
      let fullDuplex = false;
      let sent = 0;
      for await (const request of requests) {
        received.push(request);
        if (isFirst) {
          isFirst = false;
          ({ responseDefinition: definition, fullDuplex } = request);
          if (definition !== null) begin(definition, call);
        }
        if (!fullDuplex) continue;
        if (definition === null || sent >= definition.responseData.length) break;
        const info = sent === 0 ? infoOf(received, call) : { requests: received.map(toAny(call)) };
        yield* replyAfterDelay(definition, call, info, sent);
        sent++;
        received = [];
      }
      if (definition === null) return;
      const info = infoOf(received, call);
      yield* replies(definition, call, info, sent);
      // What was told with a reply is not told again.
      throwIfAsked(definition, definition.responseData.length === 0 ? info : null, requestInfo);
    },

    unimplemented() {
      throw new RpcError(StatusCode.UNIMPLEMENTED, "Unimplemented is not served");
    },
  });
}

async function answerOnce(
  requests: UnaryRequest[],
  call: CallContext,
  requestInfo: Codec,
): Promise<PayloadResponse> {
  const info = infoOf(requests, call);
  const definition: UnaryResponseDefinition | null = requests[0]?.responseDefinition ?? null;
  if (definition === null) return { payload: { requestInfo: info } };
  setMetadata(definition, call);
  await wait(definition.responseDelayMs, undefined, { signal: call.signal });
  const { error, responseData } = definition;
  if (error !== undefined) throw errorOf(error, info, requestInfo);
  return { payload: { requestInfo: info, ...(responseData !== undefined && { data: responseData }) } };
}

/** The replies from one on. Only the first of all tells what was received. */
async function* replies(
  definition: StreamResponseDefinition,
  call: CallContext,
  info: RequestInfo,
  from: number,
): AsyncGenerator<PayloadResponse> {
  for (let i = from; i < definition.responseData.length; i++) {
    yield* replyAfterDelay(definition, call, i === 0 ? info : undefined, i);
  }
}

async function* replyAfterDelay(
  { responseDelayMs, responseData }: StreamResponseDefinition,
  { signal }: CallContext,
  info: RequestInfo | undefined,
  index: number,
): AsyncGenerator<PayloadResponse> {
  await wait(responseDelayMs, undefined, { signal });
  const data = responseData[index] as Buffer;
  yield { payload: { data, ...(info !== undefined && { requestInfo: info }) } };
}

/** An error before any reply tells what was received, as no reply has. */
function throwIfAsked(
  { error, responseData }: StreamResponseDefinition,
  info: RequestInfo | null,
  requestInfo: Codec,
): void {
  if (error !== null) throw errorOf(error, responseData.length === 0 ? info : null, requestInfo);
}

function errorOf(definition: ErrorDefinition, info: RequestInfo | null, requestInfo: Codec): RpcError {
  const details: ErrorDetail[] = definition.details.map(({ type_url, value }) => ({
    typeUrl: type_url,
    value,
  }));
  if (info !== null) {
    details.push({ typeUrl: `type.googleapis.com/${REQUEST_INFO}`, value: requestInfo.encode(info) });
  }
  return new RpcError(codeOf(definition.code), definition.message ?? "", { details });
}

/** Connect has one L where gRPC has two. */
function codeOf(name: string): StatusCode {
  const own = name === "CODE_CANCELED" ? "CANCELLED" : name.replace(/^CODE_/, "");
  return StatusCode[own as keyof typeof StatusCode] ?? StatusCode.UNKNOWN;
}

/** "Servers should immediately send response headers on the stream before sleeping". */
function begin(definition: StreamResponseDefinition, call: CallContext): void {
  setMetadata(definition, call);
  call.sendHeaders();
}

function setMetadata(
  { responseHeaders, responseTrailers }: { responseHeaders: Header[]; responseTrailers: Header[] },
  call: CallContext,
): void {
  addHeaders(call.responseMetadata, responseHeaders);
  addHeaders(call.trailers, responseTrailers);
}

function addHeaders(metadata: Metadata, headers: Header[]): void {
  for (const { name, value } of headers) {
    const isBinary = name.toLowerCase().endsWith("-bin");
    for (const text of value) metadata.append(name, isBinary ? Buffer.from(text, "base64") : text);
  }
}

function infoOf(requests: object[], call: CallContext): RequestInfo {
  return {
    requestHeaders: headersOf(call.metadata),
    ...(call.deadline !== undefined && { timeoutMs: Math.floor(call.timeLeftMs) }),
    requests: requests.map(toAny(call)),
  };
}

function headersOf(metadata: Metadata): Header[] {
  const headers = new Map<string, string[]>();
  for (const [name, value] of metadata) {
    const text = typeof value === "string" ? value : Buffer.from(value).toString("base64");
    headers.set(name, [...(headers.get(name) ?? []), text]);
  }
  return [...headers].map(([name, value]) => ({ name, value }));
}

/** Each method has its own type of request, named after it. */
function toAny({ method }: CallContext): (request: object) => { "@type": string } & object {
  const type = `type.googleapis.com/${PACKAGE}.${method.name}Request`;
  return (request) => ({ "@type": type, ...request });
}
