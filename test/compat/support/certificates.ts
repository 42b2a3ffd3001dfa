import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** A certificate and its key, as PEM. */
export interface Identity {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export interface Certificates {
  readonly authority: Identity;
  /** For localhost, by the authority. */
  readonly server: Identity;
  /** For localhost as well, by the authority; tells old from new. */
  readonly renewed: Identity;
  /** Named "client", by the authority. */
  readonly client: Identity;
  /** Named "stranger", by nobody. */
  readonly stranger: Identity;
}

const SERVER_EXTENSION = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"];

let made: Certificates | undefined;

/** Certificates for this process, made once, with P-256: OpenSSL refuses weaker keys on newer versions of Node. */
export function certificates(): Certificates {
  made ??= makeCertificates();
  return made;
}

function makeCertificates(): Certificates {
  const folder = temporaryFolder({});
  const make = (name: string, commonName: string, more: readonly string[]): Identity => {
    const key = join(folder.path, `${name}.key`);
    const certificate = join(folder.path, `${name}.pem`);
    const p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const files = ["-keyout", key, "-out", certificate, "-days", "2", "-subj", `/CN=${commonName}`];
    execFileSync("openssl", ["req", "-x509", ...p256, ...files, ...more], { stdio: "pipe" });
    return { certificate: readFileSync(certificate), key: readFileSync(key) };
  };
  const byAuthority = [
    "-CA",
    join(folder.path, "authority.pem"),
    "-CAkey",
    join(folder.path, "authority.key"),
    "-addext",
    "basicConstraints=CA:FALSE",
  ];
  try {
    return {
      authority: make("authority", "authority", []),
      server: make("server", "localhost", [...byAuthority, ...SERVER_EXTENSION]),
      renewed: make("renewed", "renewed", [...byAuthority, ...SERVER_EXTENSION]),
      client: make("client", "client", byAuthority),
      stranger: make("stranger", "stranger", []),
    };
  } finally {
    folder.remove();
  }
}
