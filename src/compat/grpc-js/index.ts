/**
 * `yodel/grpc-js`: everything that `@grpc/grpc-js` exports, with its Server replaced by one on Yodel's engine. A server
 * moves over by a change of one import.
 */
export * from "@grpc/grpc-js";
export type { ServerOptions } from "./options.ts";
export { type ConnectionInjector, Server } from "./server.ts";
