import { Metadata } from "@grpc/grpc-js";
import type { Twin } from "./twin.ts";

// biome-ignore lint/suspicious/noExplicitAny: handlers of both servers, as users of JavaScript write them
export type Any = any;

export const metadataOf = (entries: Record<string, string | Buffer>) => {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.add(key, value);
  return metadata;
};
export const unary = async (twin: Twin, handler: Any, request = "a") =>
  (await twin.serve({ unary: handler })).call("Unary", request);
export const gather = async (twin: Twin, handler: Any, requests: string[] = ["a", "b"]) =>
  (await twin.serve({ gather: handler })).call("Gather", requests);
export const scatter = async (twin: Twin, handler: Any, request = "a") =>
  (await twin.serve({ scatter: handler })).call("Scatter", request);
export const chat = async (twin: Twin, handler: Any, requests: string[] = ["a", "b"]) =>
  (await twin.serve({ chat: handler })).call("Chat", requests);
export const ok = (messages: string[], trailers = {}, headers = {}) => ({
  code: 0,
  details: "OK",
  messages,
  headers,
  trailers,
});
export const failed = (code: number, details: string, trailers = {}, messages: string[] = []) => ({
  code,
  details,
  messages,
  headers: {},
  trailers,
});
export const error = (fields: object) => Object.assign(new Error("the message"), fields);

export const upper = { unary: (call: Any, callback: Any) => callback(null, call.request.toUpperCase()) };
export const hanging = (begun: (call: Any) => void) => ({
  unary(call: Any, callback: Any) {
    call.callback = callback;
    begun(call);
  },
  chat(call: Any) {
    call.on("error", () => {});
    call.write("begun");
    begun(call);
  },
});
