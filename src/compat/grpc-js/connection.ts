import { X509Certificate } from "node:crypto";
import type { PeerCertificate } from "node:tls";
import type { Peer } from "../../index.ts";

export interface AuthContext {
  transportSecurityType?: string;
  sslPeerCertificate?: PeerCertificate;
}

export interface ConnectionInfo {
  localAddress?: string | undefined;
  localPort?: number | undefined;
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
}

/** `192.0.2.1:50123`, or `unknown` for what has no address. */
export function peerName({ address, port }: Peer): string {
  return address === "" ? "unknown" : `${address}:${port}`;
}

/** Nothing, unless the client has shown a certificate that we trust. */
export function authContextOf({ tls }: Peer): AuthContext {
  if (tls?.authorized !== true || tls.peerCertificate === undefined) return {};
  // The types of Node leave out that this is what `getPeerCertificate()` gives.
  const certificate = new X509Certificate(tls.peerCertificate).toLegacyObject() as unknown as PeerCertificate;
  return { transportSecurityType: "ssl", sslPeerCertificate: certificate };
}

export function connectionInfoOf(peer: Peer): ConnectionInfo {
  return {
    localAddress: peer.localAddress || undefined,
    localPort: peer.localPort || undefined,
    remoteAddress: peer.address || undefined,
    remotePort: peer.port || undefined,
  };
}
