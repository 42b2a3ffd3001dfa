import type { SecureContextOptions, TlsOptions } from "node:tls";

/** Certificate and key, and whatever else Node's TLS takes. */
export interface TlsSettings extends SecureContextOptions {
  /** PEM of the authorities whose clients are let in: every client must show a certificate of theirs then. */
  readonly clientCa?: string | Buffer;
  /** Asks clients for a certificate. */
  readonly requestCert?: boolean;
  /** Whether a client without a certificate that `ca` or `clientCa` vouches for is turned away. */
  readonly rejectUnauthorized?: boolean;
}

/** TLS 1.2 suites that RFC 9113 section 9.2.2 does not prohibit: forward secret and authenticated encryption. */
const TLS12_CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];
const TLS13_CIPHERS = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** What HTTP/2 over TLS demands (RFC 9113 section 9.2), under the settings of the user. */
export function tlsOptions({ clientCa, ...settings }: TlsSettings): TlsOptions {
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return {
    minVersion: "TLSv1.2",
    ciphers: [...TLS13_CIPHERS, ...TLS12_CIPHERS].join(":"),
    honorCipherOrder: true,
    ...settings,
    ...clients,
    ALPNProtocols: ["h2", "http/1.1"],
  };
}
