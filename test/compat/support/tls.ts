import { once } from "node:events";
import { connect as connectTls, type SecureContextOptions } from "node:tls";
import { credentials, type KeyCertPair, type ServerCredentials } from "@grpc/grpc-js";
import { certificates, type Identity } from "./certificates.ts";
import { defer } from "./defer.ts";
import type { Twin } from "./twins.ts";

export const pair = ({ certificate, key }: Identity): KeyCertPair => ({
  cert_chain: certificate,
  private_key: key,
});

export const contextOf = ({ certificate, key }: Identity): SecureContextOptions => ({
  cert: certificate,
  key,
  ca: certificates().authority.certificate,
});

/** Credentials of a channel that trusts the authority, and may show a certificate itself. */
export function channel(own?: Identity) {
  const { certificate } = certificates().authority;
  return credentials.createSsl(certificate, own?.key ?? null, own?.certificate ?? null);
}

/** The name in the certificate that a server shows now; null when it hangs up. */
export async function shownBy(port: number): Promise<string | null> {
  const socket = connectTls({ port, host: "127.0.0.1", ALPNProtocols: ["h2"], rejectUnauthorized: false });
  const failed = defer<null>();
  socket.on("error", () => failed.resolve(null));
  socket.on("close", () => failed.resolve(null));
  const secure = once(socket, "secureConnect").then(() => String(socket.getPeerCertificate().subject.CN));
  const name = await Promise.race([secure.catch(() => null), failed.promise]);
  socket.destroy();
  return name;
}

export function createSsl(twin: Twin, check = false): ServerCredentials {
  const { authority, server } = certificates();
  return twin.grpc.ServerCredentials.createSsl(authority.certificate, [pair(server)], check);
}
