import { Server, type ServerOptions } from "../rpc/server.ts";
import { grpcProtocol } from "./grpc/protocol.ts";
import { httpProtocol } from "./http/protocol.ts";

/** A server that speaks every protocol we have, on one port. */
export function createServer(options: ServerOptions): Server {
  // HTTP takes whatever no RPC protocol has taken, so it is asked last.
  return new Server(options, [grpcProtocol, httpProtocol]);
}

/** A server that speaks gRPC and nothing else: requests of any other kind are answered 415. */
export function createGrpcServer(options: ServerOptions): Server {
  return new Server(options, [grpcProtocol]);
}
