import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { expect } from "chai";
import { CredentialsError, loadCredentials } from "../../../src/transport/credentials.ts";
import { developmentCertificate } from "../../../src/transport/dev-certificate.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const daysFrom = (date: Date, days: number) => new Date(date.getTime() + days * DAY_MS);

describe("credentials from files", () => {
  let directory: string;
  let certPath: string;
  let keyPath: string;
  let expires: Date;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "yodel-credentials-"));
    const made = await developmentCertificate({ directory });
    ({ certPath, keyPath } = made);
    expires = made.credentials.expires;
  });
  after(() => rmSync(directory, { recursive: true }));

  function file(name: string, text: string): string {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  }

  function refusal(paths: { certPath: string; keyPath: string }, now?: Date): string {
    try {
      loadCredentials(paths, now);
    } catch (error) {
      expect(error).to.be.instanceOf(CredentialsError);
      return (error as Error).message;
    }
    throw new Error("The credentials were accepted.");
  }

  it("are read as they are and described in a line", () => {
    const credentials = loadCredentials({ certPath, keyPath });
    expect(credentials.cert).to.equal(readFileSync(certPath, "utf8"));
    expect(credentials.key).to.equal(readFileSync(keyPath, "utf8"));
    expect(credentials.describe()).to.match(
      /^localhost, 127\.0\.0\.1, ::1, signed by Yodel development CA [0-9a-f]{8}, valid until \d{4}-\d\d-\d\d$/,
    );
    expect(credentials.warnings).to.deep.equal([]);
  });

  it("warn when they expire within two weeks", () => {
    expect(loadCredentials({ certPath, keyPath }, daysFrom(expires, -14.5)).warnings).to.deep.equal([]);
    const [warning] = loadCredentials({ certPath, keyPath }, daysFrom(expires, -1.5)).warnings;
    expect(warning).to.equal(
      `The certificate in ${certPath} expires in 1 day, on ${expires.toISOString().slice(0, 10)}.`,
    );
    const [last] = loadCredentials({ certPath, keyPath }, daysFrom(expires, -0.5)).warnings;
    expect(last).to.include("expires in less than a day");
  });

  it("are refused when expired or not yet valid", () => {
    expect(refusal({ certPath, keyPath }, daysFrom(expires, 1))).to.match(
      /dev-cert\.pem expired on \d{4}-\d\d-\d\d\.$/,
    );
    const early = refusal({ certPath, keyPath }, daysFrom(expires, -400));
    expect(early).to.match(/is not valid before .*Is the clock of this machine right\?$/);
  });

  it("are refused when a file is missing or is a directory", () => {
    const missing = join(directory, "missing.pem");
    expect(refusal({ certPath: missing, keyPath })).to.equal(
      `The certificate file ${missing} does not exist.`,
    );
    expect(refusal({ certPath, keyPath: missing })).to.equal(
      `The private key file ${missing} does not exist.`,
    );
    expect(refusal({ certPath: directory, keyPath })).to.equal(
      `The certificate file ${directory} is a directory.`,
    );
  });

  it("are refused when a file is not PEM, or the two are mixed up", () => {
    const binary = file("binary.pem", "\u0000\u0001");
    expect(refusal({ certPath: binary, keyPath })).to.include(
      "binary.pem holds no certificate. It is not PEM;",
    );
    expect(refusal({ certPath, keyPath: binary })).to.include(
      "binary.pem holds no private key. It is not PEM;",
    );
    expect(refusal({ certPath: keyPath, keyPath: certPath })).to.include("It holds a private key;");
    expect(refusal({ certPath, keyPath: certPath })).to.include("It holds a certificate;");
  });

  it("are refused when damaged", () => {
    const cert = file("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect(refusal({ certPath: cert, keyPath })).to.equal(`The certificate in ${cert} is damaged.`);
    const key = file("cut-key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    expect(refusal({ certPath, keyPath: key })).to.include("is damaged, or of a kind that is not supported.");
  });

  it("are refused when the key belongs to another certificate", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const other = file("other-key.pem", privateKey.export({ type: "pkcs8", format: "pem" }) as string);
    expect(refusal({ certPath, keyPath: other })).to.equal(
      `The private key in ${other} does not belong to the certificate in ${certPath}.`,
    );
  });

  it("are refused when the key is too small", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const small = file("small-key.pem", privateKey.export({ type: "pkcs8", format: "pem" }) as string);
    expect(refusal({ certPath, keyPath: small })).to.include(
      "too small: 1024 bits, and clients want at least 2048.",
    );
  });

  it("are refused when the key is encrypted, in either of its PEM forms", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const cipher = "aes-256-cbc";
    for (const type of ["pkcs8", "pkcs1"] as const) {
      const pem = privateKey.export({ type, format: "pem", cipher, passphrase: "secret" }) as string;
      expect(refusal({ certPath, keyPath: file("locked.pem", pem) })).to.match(
        /locked\.pem is encrypted\. Decrypt it with/,
      );
    }
  });
});

describe("the development certificate", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "yodel-development-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("is made on first use and found again afterwards", async () => {
    const first = await developmentCertificate({ directory: join(directory, "deep", "folder") });
    const second = await developmentCertificate({ directory: join(directory, "deep", "folder") });
    expect(first.created).to.equal(true);
    expect(second.created).to.equal(false);
    expect(second.credentials.cert).to.equal(first.credentials.cert);
    expect(readFileSync(join(directory, "deep", "folder", ".gitignore"), "utf8")).to.equal("*\n");
  });

  it("is an EC certificate for this machine's names, signed by an authority that can sign nothing below", async () => {
    const { certPath, caPath } = await developmentCertificate({ directory });
    const cert = new X509Certificate(readFileSync(certPath));
    const authority = new X509Certificate(readFileSync(caPath));
    expect(cert.checkHost("localhost")).to.equal("localhost");
    expect(cert.checkIP("127.0.0.1")).to.equal("127.0.0.1");
    expect(cert.checkIP("::1")).to.equal("::1");
    expect(cert.checkHost("example.test")).to.equal(undefined);
    expect(cert.checkIssued(authority) && cert.verify(authority.publicKey)).to.equal(true);
    expect(authority.verify(authority.publicKey)).to.equal(true);
    expect([cert.ca, authority.ca]).to.deep.equal([false, true]);
    expect(cert.keyUsage).to.deep.equal(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(cert.publicKey.asymmetricKeyDetails?.namedCurve).to.equal("prime256v1");
  });

  it("keeps its key from other users, and keeps no key of the authority", async () => {
    const { keyPath, certPath } = await developmentCertificate({ directory });
    expect(statSync(keyPath).mode & 0o777).to.equal(0o600);
    expect(new X509Certificate(readFileSync(certPath)).checkPrivateKey(loadKey(keyPath))).to.equal(true);
    const files = ["dev-ca.pem", "dev-cert.pem"].map((name) => readFileSync(join(directory, name), "utf8"));
    for (const text of files) expect(text).to.not.include("PRIVATE KEY");
  });

  it("is made anew in its last week", async () => {
    const first = await developmentCertificate({ directory });
    const { expires } = first.credentials;
    const eightDaysBefore = await developmentCertificate({ directory, now: daysFrom(expires, -8) });
    expect(eightDaysBefore.created).to.equal(false);
    const sixDaysBefore = await developmentCertificate({ directory, now: daysFrom(expires, -6) });
    expect(sixDaysBefore.created).to.equal(true);
    expect(sixDaysBefore.credentials.expires.getTime()).to.be.greaterThan(daysFrom(expires, 300).getTime());
  });

  it("is made anew when its files do not fit together", async () => {
    const other = await developmentCertificate({ directory: join(directory, "other") });
    const { caPath } = await developmentCertificate({ directory });
    writeFileSync(caPath, readFileSync(other.caPath));
    expect((await developmentCertificate({ directory })).created).to.equal(true);
  });

  it("is the same for all who ask at the same moment", async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => developmentCertificate({ directory })));
    expect(new Set(all.map(({ credentials }) => credentials.key))).to.have.property("size", 1);
    expect(all.filter(({ created }) => created)).to.have.length(1);
    expect(existsSync(join(directory, "dev.lock"))).to.equal(false);
  });

  it("is made in spite of a lock that a dead process left", async () => {
    const lock = join(directory, "dev.lock");
    mkdirSync(lock);
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    expect((await developmentCertificate({ directory })).created).to.equal(true);
  });

  it("says which folder it could not write", async () => {
    const notFolder = join(directory, "file");
    writeFileSync(notFolder, "");
    const outcome = await developmentCertificate({ directory: notFolder }).catch((error: unknown) => error);
    expect(outcome).to.be.instanceOf(CredentialsError);
    expect((outcome as Error).message)
      .to.include(`cannot be written to ${notFolder}`)
      .and.include("--tls-cert");
  });

  it("convinces a TLS client that trusts its authority", async () => {
    const { credentials, caPath } = await developmentCertificate({ directory });
    const server = createServer({ cert: credentials.cert, key: credentials.key }, (socket) =>
      socket.end("hello"),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: "127.0.0.1", ca: readFileSync(caPath) });
    const [greeting] = await once(socket, "data");
    expect(String(greeting)).to.equal("hello");
    expect(socket.authorized).to.equal(true);
    socket.destroy();
    server.close();
  });
});

function loadKey(path: string) {
  return createPrivateKey(readFileSync(path));
}
