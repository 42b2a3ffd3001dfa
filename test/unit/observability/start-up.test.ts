import { expect } from "chai";
import { type StartUpFacts, startUpReport } from "../../../src/observability/start-up.ts";

const greeter = {
  name: "helloworld.Greeter",
  file: "helloworld/greeter.proto",
  methods: [
    { name: "SayHello", kind: "unary" },
    { name: "SayHelloStreamReply", kind: "server-stream" },
    { name: "SayHelloBidiStream", kind: "bidi" },
    { name: "SayHelloToAll", kind: "client-stream" },
  ],
} as const;
const reflection = {
  name: "grpc.reflection.v1.ServerReflection",
  methods: [{ name: "ServerReflectionInfo", kind: "bidi" }],
} as const;

const development: StartUpFacts = {
  version: "0.1.0",
  nodeVersion: "v22.1.0",
  pid: 42,
  readyMs: 87.4,
  addresses: [
    { host: "127.0.0.1", port: 8443 },
    { host: "::1", port: 8443 },
  ],
  credentials: "localhost, 127.0.0.1, ::1, signed by Yodel development CA 0a1b2c3d, valid until 2030-01-02",
  caPath: ".yodel/dev-ca.pem",
  plaintext: "loopback",
  services: [greeter, reflection],
  routes: [
    { methods: ["POST", "PUT"], path: "/hook" },
    { methods: ["GET"], path: "/healthz" },
    { methods: ["GET"], path: "/metrics" },
  ],
  warnings: [],
};
const production: StartUpFacts = {
  ...development,
  addresses: [{ host: "0.0.0.0", port: 443 }],
  credentials: "api.example.test, signed by Example CA, valid until 2030-01-02",
  caPath: undefined,
  plaintext: "never",
};

const linesWith = (facts: StartUpFacts, label: string) =>
  startUpReport(facts).filter((line) => line.startsWith(`  ${label}`));

describe("the start-up report", () => {
  it("says what a server on a developer's machine serves, where, to whom, and how to try it", () => {
    expect(startUpReport(development)).to.deep.equal([
      "Yodel 0.1.0 is ready after 87 ms (Node.js v22.1.0, process 42)",
      "  listening on localhost:8443 (127.0.0.1 and ::1)",
      "  TLS       localhost, 127.0.0.1, ::1, signed by Yodel development CA 0a1b2c3d, valid until 2030-01-02",
      "  plaintext accepted from this machine only on the same port",
      "  services  helloworld.Greeter: SayHello, SayHelloStreamReply, SayHelloBidiStream, SayHelloToAll",
      "            grpc.reflection.v1.ServerReflection: ServerReflectionInfo (both ways)",
      "  routes    POST|PUT /hook, GET /healthz, GET /metrics",
      "  try       grpcurl -cacert .yodel/dev-ca.pem localhost:8443 helloworld.Greeter/SayHello",
      "            curl --cacert .yodel/dev-ca.pem https://localhost:8443/healthz",
    ]);
  });

  it("finds nothing risky in TLS alone on every address", () => {
    expect(startUpReport(production)).to.deep.equal([
      "Yodel 0.1.0 is ready after 87 ms (Node.js v22.1.0, process 42)",
      "  listening on 0.0.0.0:443 (every IPv4 address of this machine)",
      "  TLS       api.example.test, signed by Example CA, valid until 2030-01-02",
      "  plaintext refused",
      "  services  helloworld.Greeter: SayHello, SayHelloStreamReply, SayHelloBidiStream, SayHelloToAll",
      "            grpc.reflection.v1.ServerReflection: ServerReflectionInfo (both ways)",
      "  routes    POST|PUT /hook, GET /healthz, GET /metrics",
      "  try       grpcurl -insecure localhost:443 helloworld.Greeter/SayHello",
      "            curl --insecure https://localhost:443/healthz",
    ]);
  });

  it("warns of plaintext and of a development certificate on an address that others reach", () => {
    const facts: StartUpFacts = {
      ...production,
      caPath: development.caPath,
      plaintext: "always",
      warnings: ["And this."],
    };
    expect(startUpReport(facts).slice(-3)).to.deep.equal([
      "  warning   plaintext on 0.0.0.0:443: whoever is on the way can read and change calls",
      "            the development certificate is for localhost only; for others use --tls-cert and --tls-key",
      "            And this.",
    ]);
  });

  it("does not warn of either on loopback addresses", () => {
    expect(linesWith({ ...development, plaintext: "always" }, "warning")).to.deep.equal([]);
  });

  it("shows plaintext commands where there is no TLS", () => {
    const facts: StartUpFacts = {
      ...development,
      credentials: undefined,
      caPath: undefined,
      plaintext: "always",
    };
    expect(linesWith(facts, "TLS")).to.deep.equal(["  TLS       not offered"]);
    expect(linesWith(facts, "try")[0]).to.include("grpcurl -plaintext localhost:8443 ");
    expect(startUpReport(facts).at(-1)).to.include("curl http://localhost:8443/healthz");
  });

  it("shows plaintext commands for somebody else's certificate, if this machine may speak plaintext", () => {
    expect(linesWith({ ...production, plaintext: "loopback" }, "try")[0]).to.include(
      "grpcurl -plaintext localhost:443 ",
    );
  });

  it("names an address that this machine reaches under no other name", () => {
    const facts: StartUpFacts = { ...production, addresses: [{ host: "fd00::7", port: 443 }] };
    expect(linesWith(facts, "listening")).to.deep.equal(["  listening on [fd00::7]:443"]);
    expect(linesWith(facts, "try")[0]).to.include("grpcurl -insecure [fd00::7]:443 ");
  });

  it("gives grpcurl the .proto file where there is no reflection", () => {
    const [line] = linesWith({ ...development, services: [greeter], caPath: "ca.pem" }, "try");
    expect(line).to.include(
      "-cacert ca.pem -proto helloworld/greeter.proto localhost:8443 helloworld.Greeter/",
    );
  });

  it("takes a shorter way where the command would not fit its line, and never shows half of one", () => {
    const caPath = `${"folder/".repeat(12)}ca.pem`;
    expect(linesWith({ ...development, caPath }, "try")[0]).to.include("grpcurl -plaintext localhost:8443 ");
    const services = [{ ...greeter, name: "x".repeat(120) }];
    expect(linesWith({ ...development, services }, "try")[0]).to.match(/^ {2}try +curl /);
  });

  it("says what to do when no service is there", () => {
    const facts: StartUpFacts = { ...development, services: [], routes: [] };
    expect(linesWith(facts, "services")[0]).to.include("none yet: put .proto files into proto/");
    expect(linesWith(facts, "try")[0]).to.match(/ localhost:8443 list$/);
    expect(startUpReport(facts).at(-1)).to.match(/https:\/\/localhost:8443\/$/);
  });

  it("sums up what does not fit, and stays within 12 lines of 119 columns", () => {
    const many: StartUpFacts = {
      ...development,
      addresses: Array.from({ length: 20 }, (_, i) => ({
        host: `10.0.0.${i}`,
        port: 8443,
        family: 4 as const,
      })),
      services: Array.from({ length: 30 }, (_, i) => ({
        ...greeter,
        name: `${"very.long.package.".repeat(4)}S${i}`,
      })),
      routes: Array.from({ length: 50 }, (_, i) => ({ methods: ["GET"], path: `/route/${i}` })),
      warnings: Array.from({ length: 9 }, (_, i) => `Warning ${i}: ${"x".repeat(200)}`),
    };
    const report = startUpReport(many);
    expect(report).to.have.length(12);
    expect(Math.max(...report.map((line) => line.length))).to.be.at.most(119);
    expect(report.filter((line) => /^ {2}(services| {10}).*… and 30 more$/.test(line))).to.have.length(1);
    expect(linesWith(many, "listening")[0]).to.match(/ … and \d+ more$/);
    expect(linesWith(many, "routes")[0]).to.match(/ … and \d+ more$/);
    expect(report.at(-1)).to.match(/… and \d+ more$/);
  });

  it("sums up services when only they are many", () => {
    const facts = {
      ...development,
      services: Array.from({ length: 10 }, (_, i) => ({ ...greeter, name: `pkg.S${i}` })),
    };
    const report = startUpReport(facts);
    expect(report).to.have.length(12);
    expect(report[8]).to.equal("            … and 6 more");
  });
});
