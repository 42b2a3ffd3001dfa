import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";

/** What a server shows its TLS clients. */
export interface TlsCredentials {
  /** The certificate, followed by those of the authorities in between, if the file holds them. PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  readonly expires: Date;
  /** What an operator should know though it stops nothing: the certificate expires soon. */
  readonly warnings: readonly string[];
  /** One line for people: whose certificate it is, who signed it, until when it holds. */
  describe(): string;
}

/** The certificate or the key cannot be used. The message is for the person who started the server. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
}

const DAY_MS = 24 * 60 * 60 * 1000;
const WARN_BEFORE_DAYS = 14;
/** What OpenSSL's default security level takes (NIST SP 800-57 part 1, table 2: 112 bits of security). */
const MIN_RSA_BITS = 2048;
const MIN_EC_BITS = 224;
const EC_BITS = new Map([
  ["prime192v1", 192],
  ["secp192k1", 192],
  ["secp160r1", 160],
  ["secp160k1", 160],
]);

/**
 * Reads a certificate and its private key, both in PEM, and makes sure that clients will accept them as far as
 * that can be told here. `now` is the time to judge by.
 *
 * @throws {CredentialsError} saying which file is wrong, and how
 */
export function loadCredentials(
  paths: { certPath: string; keyPath: string },
  now = new Date(),
): TlsCredentials {
  const { certPath, keyPath } = paths;
  const cert = readText(certPath, "certificate");
  const certificate = parseCertificate(cert, certPath);
  const key = readText(keyPath, "private key");
  const privateKey = parsePrivateKey(key, keyPath);
  checkKeySize(privateKey, keyPath);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new CredentialsError(
      `The private key in ${keyPath} does not belong to the certificate in ${certPath}.`,
    );
  }
  const expires = checkDates(certificate, certPath, now);
  return {
    cert,
    key,
    expires,
    warnings: expiryWarnings(expires, certPath, now),
    describe: () => describeCertificate(certificate, expires),
  };
}

/**
 * Reads the authorities that may sign clients' certificates, in PEM.
 *
 * @throws {CredentialsError} when the file cannot be read, or is none of certificates
 */
export function loadAuthorities(path: string): string {
  const text = readText(path, "authorities'");
  parseCertificate(text, path);
  return text;
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CredentialsError(`The ${what} file ${path} ${reasonFor(code)}.`, { cause: error });
  }
}

function reasonFor(code: string | undefined): string {
  switch (code) {
    case "ENOENT":
      return "does not exist";
    case "EACCES":
    case "EPERM":
      return "may not be read by this user";
    case "EISDIR":
      return "is a directory";
    default:
      return `cannot be read (${code})`;
  }
}

function parseCertificate(pem: string, path: string): X509Certificate {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    const found = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem) ? "It holds a private key" : "It is not PEM";
    throw new CredentialsError(
      `The file ${path} holds no certificate. ${found}; -----BEGIN CERTIFICATE----- is missing.`,
    );
  }
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new CredentialsError(`The certificate in ${path} is damaged.`, { cause: error });
  }
}

function parsePrivateKey(pem: string, path: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new CredentialsError(
      `The private key in ${path} is encrypted. Decrypt it with "openssl pkey -in ${path} -out FILE" and protect FILE.`,
    );
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    const found = pem.includes("-----BEGIN CERTIFICATE-----") ? "It holds a certificate" : "It is not PEM";
    throw new CredentialsError(
      `The file ${path} holds no private key. ${found}; -----BEGIN PRIVATE KEY----- is missing.`,
    );
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new CredentialsError(`The private key in ${path} is damaged, or of a kind that is not supported.`, {
      cause: error,
    });
  }
}

/** OpenSSL would refuse such a key too, but only at the first handshake and without a word for people. */
function checkKeySize(key: KeyObject, path: string): void {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS) {
    throw new CredentialsError(
      `The private key in ${path} is too small: ${modulusLength} bits, and clients want at least ${MIN_RSA_BITS}.`,
    );
  }
  const curveBits = EC_BITS.get(namedCurve ?? "") ?? MIN_EC_BITS;
  if (curveBits < MIN_EC_BITS) {
    throw new CredentialsError(
      `The private key in ${path} is too small: curve ${namedCurve}, and clients want at least P-256.`,
    );
  }
}

function checkDates(certificate: X509Certificate, path: string, now: Date): Date {
  const begins = new Date(certificate.validFrom);
  const expires = new Date(certificate.validTo);
  if (now < begins) {
    throw new CredentialsError(
      `The certificate in ${path} is not valid before ${day(begins)}. Is the clock of this machine right?`,
    );
  }
  if (now > expires) throw new CredentialsError(`The certificate in ${path} expired on ${day(expires)}.`);
  return expires;
}

function expiryWarnings(expires: Date, path: string, now: Date): string[] {
  const days = Math.floor((expires.getTime() - now.getTime()) / DAY_MS);
  if (days >= WARN_BEFORE_DAYS) return [];
  const left = days === 0 ? "in less than a day" : `in ${days} day${days === 1 ? "" : "s"}`;
  return [`The certificate in ${path} expires ${left}, on ${day(expires)}.`];
}

function describeCertificate(certificate: X509Certificate, expires: Date): string {
  const names = certificate.subjectAltName?.split(", ").map(shortName);
  const subject = names?.join(", ") ?? commonName(certificate.subject);
  const isSelfSigned = certificate.issuer === certificate.subject;
  const signer = isSelfSigned ? "self-signed" : `signed by ${commonName(certificate.issuer)}`;
  return `${subject}, ${signer}, valid until ${day(expires)}`;
}

/** Node writes `DNS:localhost` and `IP Address:0:0:0:0:0:0:0:1`. */
function shortName(name: string): string {
  const text = name.replace(/^(DNS|IP Address):/, "");
  return isIPv6(text) ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text;
}

/** Node gives a name as lines such as `CN=example.test`. */
function commonName(name: string): string {
  return /^CN=(.*)$/m.exec(name)?.[1] ?? name.replaceAll("\n", ", ");
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
