export type { Peer, TlsFacts } from "./exchange.ts";
export { createServer } from "./protocols/create-server.ts";
export type { CallContext } from "./rpc/call-context.ts";
export { Metadata, type MetadataValue } from "./rpc/metadata.ts";
export type { MessageLimits, RpcLog } from "./rpc/protocol.ts";
export {
  type HttpRequest,
  type HttpResponse,
  isRoute,
  type Route,
  type RouteHandler,
  route,
} from "./rpc/route.ts";
export { Server, type ServerOptions } from "./rpc/server.ts";
export { type Implementation, implement, isService, type ServiceImplementation } from "./rpc/service.ts";
export { RpcError, type Status, StatusCode } from "./rpc/status.ts";
export { loadSchema, SchemaError } from "./schema/schema.ts";
export type { Codec, MethodKind, MethodSchema, Schema, ServiceSchema } from "./schema/types.ts";
