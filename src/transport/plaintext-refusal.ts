import { type Exchange, FieldSection } from "../exchange.ts";

const REASON = "This port wants TLS: plaintext is not accepted on this address";
const BODY = Buffer.from(
  `${REASON}.\n` +
    "Use https (grpcurl without -plaintext, curl https://...), or start the server with --plaintext always.\n",
);
const HEAD = new FieldSection(403, [
  "content-type",
  "text/plain; charset=utf-8",
  "content-length",
  String(BODY.length),
]);
/** A gRPC client shows its user this message, and no body. 7 is PERMISSION_DENIED: to try again would not help. */
const GRPC_HEAD = new FieldSection(403, [
  "content-type",
  "application/grpc",
  "grpc-status",
  "7",
  "grpc-message",
  REASON,
]);

/** Tells a plaintext peer in words why it is not served. */
export function refusePlaintext(exchange: Exchange): void {
  if (exchange.head.get("content-type")?.startsWith("application/grpc")) {
    exchange.respondAndEnd(GRPC_HEAD);
    return;
  }
  exchange.respond(HEAD);
  exchange.write(Buffer.from(BODY));
  exchange.end();
}
