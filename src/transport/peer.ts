import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Peer, TlsFacts } from "../exchange.ts";

/** What a socket tells of its peer. A Unix domain socket, or what is no socket at all, has no addresses. */
export function peerOf(stream: Duplex, endpoint?: object): Peer {
  const socket = stream as Partial<Socket> & Duplex;
  const base = {
    address: plainAddress(socket.remoteAddress),
    port: socket.remotePort ?? 0,
    localAddress: plainAddress(socket.localAddress),
    localPort: socket.localPort ?? 0,
    ...(endpoint === undefined ? {} : { endpoint }),
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

/** True for a peer on this machine. */
export function isLocal({ localAddress }: Peer): boolean {
  return localAddress === "" || localAddress === "::1" || localAddress.startsWith("127.");
}
