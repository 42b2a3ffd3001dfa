/**
 * What grpc-js keeps to itself and a server in its place needs: the registry behind `getChannelzHandlers()`, and the
 * recorder that handlers expect. The version of grpc-js is pinned in package.json, and a test holds these names.
 */
export {
  ChannelzCallTracker,
  ChannelzChildrenTracker,
  ChannelzTrace,
  registerChannelzServer,
  registerChannelzSocket,
  type ServerRef,
  type SocketRef,
  unregisterChannelzRef,
} from "@grpc/grpc-js/build/src/channelz.js";
export { PerRequestMetricRecorder } from "@grpc/grpc-js/build/src/orca.js";
export type { ServerErrorResponse, ServerStatusResponse } from "@grpc/grpc-js/build/src/server-call.js";
export type { InterceptingServerListener } from "@grpc/grpc-js/build/src/server-interceptors.js";
