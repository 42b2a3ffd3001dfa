import type { ChannelOptions, ServerInterceptor } from "@grpc/grpc-js";
import type { ServerOptions as CoreOptions, Schema } from "../../index.ts";

export interface ServerOptions extends ChannelOptions {
  interceptors?: ServerInterceptor[];
}

/** Services come with their own serializers. */
const NO_SCHEMA: Schema = { services: new Map(), codec: () => undefined };

const DEFAULT_KEEPALIVE_TIMEOUT_MS = 20_000;

/** The options that grpc-js's Server honours, for the core. All others are accepted and ignored, as there. */
export function coreOptions(options: ServerOptions): CoreOptions {
  const number = (key: keyof ChannelOptions): number | undefined => {
    const value: unknown = options[key];
    return typeof value === "number" ? value : undefined;
  };
  const maxStreams = number("grpc.max_concurrent_streams");
  return {
    schema: NO_SCHEMA,
    plaintext: "always",
    push: false,
    wording: {
      badTimeout: (value) => `Invalid grpc-timeout value "${value}"`,
      responseType: "application/grpc+proto",
    },
    limits: {
      ...(maxStreams === undefined ? {} : { maxConcurrentStreams: maxStreams }),
      // grpc-js lets clients ping as often as they like.
      minPingIntervalMs: 0,
      minIdlePingIntervalMs: 0,
    },
    messageLimits: {
      maxReceiveBytes: unlimited(number("grpc.max_receive_message_length") ?? 4 * 1024 * 1024),
      maxSendBytes: unlimited(number("grpc.max_send_message_length") ?? -1),
    },
    lifetime: {
      maxAgeMs: number("grpc.max_connection_age_ms") ?? Number.POSITIVE_INFINITY,
      maxAgeGraceMs: number("grpc.max_connection_age_grace_ms") ?? Number.POSITIVE_INFINITY,
      maxIdleMs: number("grpc.max_connection_idle_ms") ?? Number.POSITIVE_INFINITY,
      keepaliveTimeMs: number("grpc.keepalive_time_ms") ?? Number.POSITIVE_INFINITY,
      keepaliveTimeoutMs: number("grpc.keepalive_timeout_ms") ?? DEFAULT_KEEPALIVE_TIMEOUT_MS,
    },
  };
}

/** -1 stands for no limit. */
function unlimited(bytes: number): number {
  return bytes < 0 ? 0xffff_ffff : bytes;
}
