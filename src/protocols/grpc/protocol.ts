import type { Exchange } from "../../exchange.ts";
import type { CallHost, Protocol } from "../../rpc/protocol.ts";
import { GrpcExchangeCall } from "./exchange-call.ts";
import { GrpcHead, isGrpc, parseHead } from "./head.ts";

/** gRPC over HTTP/2 (gRPC's doc/PROTOCOL-HTTP2.md). */
export const grpcProtocol: Protocol = {
  name: "gRPC",

  accept(exchange: Exchange, host: CallHost): boolean {
    const { head } = exchange;
    let meaning = head.memo;
    if (!(meaning instanceof GrpcHead) || meaning.registry !== host.registry) {
      const contentType = head.get("content-type");
      if (contentType === undefined || !isGrpc(contentType) || exchange.httpVersion !== "2") return false;
      meaning = parseHead(head, host);
      head.memo = meaning;
    }
    open(exchange, meaning as GrpcHead, host);
    return true;
  },
};

function open(exchange: Exchange, head: GrpcHead, host: CallHost): void {
  if (head.method === null) {
    exchange.respondAndEnd(head.rejection!);
    return;
  }
  const call = new GrpcExchangeCall(exchange, head, head.method, host);
  exchange.receiver = call;
  call.call.open();
}
