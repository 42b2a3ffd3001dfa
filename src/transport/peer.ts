import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Peer, TlsFacts } from "../exchange.ts";

/** What a socket tells of its peer. */
export function peerOf(socket: Socket): Peer {
  const base = {
    address: plainAddress(socket.remoteAddress),
    port: socket.remotePort ?? 0,
    localAddress: plainAddress(socket.localAddress),
    localPort: socket.localPort ?? 0,
  };
  return socket instanceof TLSSocket ? { ...base, tls: tlsFactsOf(socket) } : base;
}

function tlsFactsOf(socket: TLSSocket): TlsFacts {
  const certificate = socket.getPeerCertificate();
  return {
    version: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher()?.name ?? "unknown",
    // Node types it as a string, and sets false when the client sent no name.
    serverName: (socket as TLSSocket & { servername?: string | false }).servername || undefined,
    authorized: socket.authorized,
    peerCertificate: certificate?.raw,
  };
}

/** IPv4 in IPv6's clothes (`::ffff:127.0.0.1`) is shown as what it is. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}

export function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
