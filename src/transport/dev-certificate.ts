import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Extension, Name } from "@peculiar/asn1-x509";
import { CredentialsError, loadCredentials, type TlsCredentials } from "./credentials.ts";

/** A certificate for this machine's own names, which clients accept once they are shown `caPath`. */
export interface DevelopmentCertificate {
  /** What was found or made, read once: the files may be renewed by another process meanwhile. */
  readonly credentials: TlsCredentials;
  /** The authority to show to clients: `curl --cacert`, `grpcurl -cacert`. */
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  /** True when it was made just now. */
  readonly created: boolean;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Browsers take no server certificate that holds for more than 398 days. */
const VALID_DAYS = 365;
const RENEW_BEFORE_DAYS = 7;
/** The clocks of containers and of virtual machines may be behind. */
const BACKDATE_MS = 60 * 60 * 1000;
/** Making a certificate takes a fraction of a second: a lock older than this was left by a process that died. */
const STALE_LOCK_MS = 10_000;
const LOCK_RETRY_MS = 25;
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const COMMON_NAME = "2.5.4.3";

type Paths = Pick<DevelopmentCertificate, "caPath" | "certPath" | "keyPath">;

/**
 * Finds the development certificate in `directory` (default `.yodel`, best git-ignored), or makes one: P-256, for
 * `localhost`, `127.0.0.1` and `::1`, signed by an authority of its own. It is made anew when it would expire within
 * a week or when the files do not fit together. Processes that start at the same moment get the same one.
 *
 * @throws {CredentialsError} when the directory cannot be written
 */
export async function developmentCertificate(
  options: { directory?: string; now?: Date } = {},
): Promise<DevelopmentCertificate> {
  const { directory = ".yodel", now = new Date() } = options;
  const paths = {
    caPath: join(directory, "dev-ca.pem"),
    certPath: join(directory, "dev-cert.pem"),
    keyPath: join(directory, "dev-key.pem"),
  };
  try {
    return await findOrMake(directory, paths, now);
  } catch (error) {
    if (error instanceof CredentialsError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new CredentialsError(
      `The development certificate cannot be written to ${directory} (${code}). ` +
        "Make that folder writable, or use a certificate of your own with --tls-cert and --tls-key.",
      { cause: error },
    );
  }
}

async function findOrMake(directory: string, paths: Paths, now: Date): Promise<DevelopmentCertificate> {
  const lock = join(directory, "dev.lock");
  for (;;) {
    const found = findUsable(paths, now);
    if (found !== null) return { ...paths, credentials: found, created: false };
    mkdirSync(directory, { recursive: true });
    if (takeLock(lock)) break;
    await delay(LOCK_RETRY_MS);
  }
  try {
    // Another process may have made it between our look and our lock.
    const found = findUsable(paths, now);
    if (found !== null) return { ...paths, credentials: found, created: false };
    const { ca, cert, key } = await makeCertificates(now);
    writeFileSync(join(directory, ".gitignore"), "*\n");
    replaceFile(paths.keyPath, key, 0o600);
    replaceFile(paths.certPath, cert, 0o644);
    replaceFile(paths.caPath, ca, 0o644);
    return { ...paths, credentials: loadCredentials(paths, now), created: true };
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** Null unless all three files are there, fit together and hold for a while. */
function findUsable(paths: Paths, now: Date): TlsCredentials | null {
  try {
    const credentials = loadCredentials(paths, now);
    const authority = new X509Certificate(readFileSync(paths.caPath));
    const fits = new X509Certificate(credentials.cert).verify(authority.publicKey);
    const lastsUntil = credentials.expires.getTime() - RENEW_BEFORE_DAYS * DAY_MS;
    return fits && now.getTime() < lastsUntil ? credentials : null;
  } catch {
    // Missing, damaged, expired or half renewed: all mean the same here.
    return null;
  }
}

/** Making a directory is the one thing that succeeds for exactly one process on every system. */
function takeLock(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (age > STALE_LOCK_MS) rmSync(path, { recursive: true, force: true });
  return false;
}

/** A reader sees the old file or the new one, never half of it. */
function replaceFile(path: string, text: string, mode: number): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, path);
}

// ── Making ────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * An authority and a certificate signed by it. The authority's key is thrown away with the return: people put the
 * authority into their trust store, and nobody who finds the folder can sign a certificate for another name with it.
 */
async function makeCertificates(now: Date): Promise<{ ca: string; cert: string; key: string }> {
  // Only whoever has no certificate pays for loading it.
  const x509 = await import("@peculiar/asn1-x509");
  const { AsnConvert, OctetString } = await import("@peculiar/asn1-schema");
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const validity = new x509.Validity({
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + VALID_DAYS * DAY_MS),
  });

  const nameOf = (text: string): Name => {
    const value = new x509.AttributeValue({ utf8String: text });
    const attribute = new x509.AttributeTypeAndValue({ type: COMMON_NAME, value });
    return new x509.Name([new x509.RelativeDistinguishedName([attribute])]);
  };
  const extension = (extnID: string, critical: boolean, value: unknown): Extension =>
    new x509.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });

  /** Signs with the authority's key (RFC 5280 section 4.1). */
  const issue = (subject: string, publicKey: KeyObject, extensions: Extension[]): string => {
    const spki = publicKey.export({ type: "spki", format: "der" });
    const tbsCertificate = new x509.TBSCertificate({
      version: x509.Version.v3,
      serialNumber: serialNumber(),
      signature: algorithm,
      issuer: nameOf(authorityName),
      validity,
      subject: nameOf(subject),
      subjectPublicKeyInfo: AsnConvert.parse(spki, x509.SubjectPublicKeyInfo),
      extensions: new x509.Extensions(extensions),
    });
    const signature = sign("sha256", Buffer.from(AsnConvert.serialize(tbsCertificate)), authority.privateKey);
    const certificate = new x509.Certificate({
      tbsCertificate,
      signatureAlgorithm: algorithm,
      signatureValue: toArrayBuffer(signature),
    });
    return toPem(AsnConvert.serialize(certificate));
  };

  // Each authority has a name of its own, or a browser that knows an earlier one finds fault with the signature.
  const authorityName = `Yodel development CA ${randomBytes(4).toString("hex")}`;
  const authorityKeyId = keyId(authority.publicKey);
  const { keyCertSign, digitalSignature } = x509.KeyUsageFlags;
  const ca = issue(authorityName, authority.publicKey, [
    extension(
      x509.id_ce_basicConstraints,
      true,
      new x509.BasicConstraints({ cA: true, pathLenConstraint: 0 }),
    ),
    extension(x509.id_ce_keyUsage, true, new x509.KeyUsage(keyCertSign)),
    extension(x509.id_ce_subjectKeyIdentifier, false, new x509.SubjectKeyIdentifier(authorityKeyId)),
  ]);
  const names = new x509.SubjectAlternativeName([
    new x509.GeneralName({ dNSName: "localhost" }),
    new x509.GeneralName({ iPAddress: "127.0.0.1" }),
    new x509.GeneralName({ iPAddress: "::1" }),
  ]);
  const issuerKey = new x509.AuthorityKeyIdentifier({
    keyIdentifier: new x509.KeyIdentifier(authorityKeyId),
  });
  const cert = issue("localhost", server.publicKey, [
    extension(x509.id_ce_basicConstraints, true, new x509.BasicConstraints({ cA: false })),
    extension(x509.id_ce_keyUsage, true, new x509.KeyUsage(digitalSignature)),
    // Also as a client's, to try mutual TLS with.
    extension(
      x509.id_ce_extKeyUsage,
      false,
      new x509.ExtendedKeyUsage([x509.id_kp_serverAuth, x509.id_kp_clientAuth]),
    ),
    extension(x509.id_ce_subjectAltName, false, names),
    extension(x509.id_ce_subjectKeyIdentifier, false, new x509.SubjectKeyIdentifier(keyId(server.publicKey))),
    extension(x509.id_ce_authorityKeyIdentifier, false, issuerKey),
  ]);
  return { ca, cert, key: server.privateKey.export({ type: "pkcs8", format: "pem" }) as string };
}

/** Positive and not zero, as RFC 5280 section 4.1.2.2 wants it. */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return toArrayBuffer(bytes);
}

/** RFC 7093 section 2, method 1: the leftmost 160 bits of the key's SHA-256. */
function keyId(publicKey: KeyObject): ArrayBuffer {
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  return toArrayBuffer(createHash("sha256").update(point).digest().subarray(0, 20));
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

function toPem(der: ArrayBuffer): string {
  return new X509Certificate(Buffer.from(der)).toString();
}
