export type { Peer, TlsFacts } from "./exchange.ts";
export { createGrpcServer, createServer } from "./protocols/create-server.ts";
export type { Call } from "./rpc/call.ts";
export type { CallContext } from "./rpc/call-context.ts";
export type { CompressionOptions } from "./rpc/compression.ts";
export type { Duration, EncodedErrorDetail, ErrorDetail, StandardErrorDetail } from "./rpc/error-details.ts";
export type { InjectedCall, InjectOptions, Requests } from "./rpc/inject.ts";
export {
  currentCall,
  type InterceptedCall,
  type Interceptor,
  type MessageHook,
  trackCurrentCall,
} from "./rpc/interceptor.ts";
export { LoadReport } from "./rpc/load-report.ts";
export { Metadata, type MetadataValue } from "./rpc/metadata.ts";
export type { Method, MethodDriver } from "./rpc/method.ts";
export { orcaService } from "./rpc/orca-service.ts";
export type { MessageLimits, RpcLog, Timeouts, Wording } from "./rpc/protocol.ts";
export {
  type HttpRequest,
  type HttpResponse,
  isRoute,
  type Route,
  type RouteHandler,
  route,
} from "./rpc/route.ts";
export {
  type Endpoint,
  type EndpointSecurity,
  type ListenAddress,
  Server,
  type ServerObserver,
  type ServerOptions,
  type TlsSettings,
} from "./rpc/server.ts";
export {
  type Implementation,
  implement,
  isService,
  type ServiceImplementation,
  type ServiceInterceptors,
} from "./rpc/service.ts";
export { RpcError, type RpcErrorOptions, type Status, StatusCode } from "./rpc/status.ts";
export type { UnknownHandler } from "./rpc/unknown-method.ts";
export { loadSchema, SchemaError } from "./schema/schema.ts";
export type { Codec, MethodKind, MethodSchema, Schema, ServiceSchema } from "./schema/types.ts";
