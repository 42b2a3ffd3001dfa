import type { Responder, ServerInterceptor, ServerListener } from "@grpc/grpc-js";
import type { Handlers, Message } from "./service.ts";
import type { Twin } from "./twins.ts";

/** Answers with what it gets. */
export const echo: Handlers = {
  unary: ({ request }, callback) => callback(null, request),
  bidi: (call) => {
    call.on("data", (message: Message) => call.write(message));
    call.on("end", () => call.end());
  },
};

/** Writes everything that passes by into a log. */
export function logging(twin: Twin, name: string, log: string[]): ServerInterceptor {
  const note = (event: string) => log.push(`${name} ${event}`);
  return (_method, call) =>
    new twin.grpc.ServerInterceptingCall(call, {
      start: (next) => {
        note("start");
        next({
          onReceiveMetadata: (metadata, pass) => {
            note("in metadata");
            pass(metadata);
          },
          onReceiveMessage: (message, pass) => {
            note(`in ${message.text}`);
            pass(message);
          },
          onReceiveHalfClose: (pass) => {
            note("in end");
            pass();
          },
          onCancel: () => note("cancel"),
        });
      },
      sendMetadata: (metadata, next) => {
        note("out metadata");
        next(metadata);
      },
      sendMessage: (message, next) => {
        note(`out ${message.text}`);
        next(message);
      },
      sendStatus: (sent, next) => {
        note(`out ${sent.code}`);
        next(sent);
      },
    });
}

/** A server with one interceptor, made of a responder, of a listener or of both. */
export function servedThrough(
  twin: Twin,
  handlers: Handlers,
  responder: Responder,
  listener?: ServerListener,
) {
  const start: Responder = listener === undefined ? {} : { start: (next) => next(listener) };
  const interceptor: ServerInterceptor = (_method, call) =>
    new twin.grpc.ServerInterceptingCall(call, { ...start, ...responder });
  return twin.serve(handlers, { options: { interceptors: [interceptor] } });
}
