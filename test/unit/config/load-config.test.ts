import { expect } from "chai";
import { type Config, ConfigError, type Environment, loadConfig, UsageError } from "../../../src/config.ts";

const load = (words: string, env: Environment = {}) => loadConfig(words.split(" ").filter(Boolean), env);

/** What reading the settings fails with. */
function failure(words: string, env: Environment = {}): UsageError | ConfigError {
  try {
    load(words, env);
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`The settings were accepted: ${words}`);
}

describe("the settings", () => {
  it("have their defaults where nothing is said", () => {
    const { action, config, origins, warnings } = load("");
    expect(action).to.equal("run");
    expect(config.services).to.match(/services$/);
    expect({ ...config, services: "" }).to.deep.equal({
      listen: [{ host: "localhost", port: 8443 }],
      tlsCert: undefined,
      tlsKey: undefined,
      plaintext: "loopback",
      proto: ["proto"],
      services: "",
      gracePeriodMs: 30_000,
      maxConnections: 10_000,
      maxConnectionsPerAddress: 0,
      maxConnectionAgeMs: Number.POSITIVE_INFINITY,
      maxConnectionAgeGraceMs: Number.POSITIVE_INFINITY,
      maxConnectionIdleMs: Number.POSITIVE_INFINITY,
      keepaliveTimeMs: 7_200_000,
      keepaliveTimeoutMs: 20_000,
      maxConcurrentStreams: 1024,
      maxReceiveMessageBytes: 4_194_304,
      maxSendMessageBytes: Number.POSITIVE_INFINITY,
      tlsClientCa: undefined,
      compressReplies: "match",
      compressMinBytes: 1024,
      defaultTimeoutMs: Number.POSITIVE_INFINITY,
      maxTimeoutMs: Number.POSITIVE_INFINITY,
      memoryBudgetBytes: 268_435_456,
      edge: false,
      push: true,
      logLevel: "info",
      logFormat: "auto",
    } satisfies Config);
    expect(new Set(Object.values(origins))).to.deep.equal(new Set(["default"]));
    expect(warnings).to.deep.equal([]);
  });

  it("come from a flag before a variable, and from a variable before the default", () => {
    const env = { YODEL_LOG_LEVEL: "debug", YODEL_LOG_FORMAT: "json" };
    const { config, origins } = load("--log-level warn", env);
    expect(config).to.include({ logLevel: "warn", logFormat: "json", plaintext: "loopback" });
    expect(origins).to.include({ logLevel: "flag", logFormat: "environment", plaintext: "default" });
  });

  it("take an empty variable as not set", () => {
    expect(load("", { YODEL_LISTEN: " ", YODEL_GRACE_PERIOD: "" }).config.gracePeriodMs).to.equal(30_000);
  });

  it("take the last of two flags, and all of a list's", () => {
    const { config } = load(
      "--log-level=warn --log-level error --proto a --proto=b,c --listen :1 --listen :2",
    );
    expect(config.logLevel).to.equal("error");
    expect(config.proto).to.deep.equal(["a", "b", "c"]);
    expect(config.listen.map(({ port }) => port)).to.deep.equal([1, 2]);
  });

  it("let a list in flags replace that of the variable", () => {
    expect(load("--proto a", { YODEL_PROTO: "b,c" }).config.proto).to.deep.equal(["a"]);
  });

  it("have an edge preset, which anything said about its settings overrules", () => {
    expect(load("--edge").config.maxConcurrentStreams).to.equal(100);
    expect(load("--edge").origins.maxConcurrentStreams).to.equal("edge");
    expect(load("", { YODEL_EDGE: "true" }).config.maxConcurrentStreams).to.equal(100);
    expect(load("--edge --max-concurrent-streams 7").config.maxConcurrentStreams).to.equal(7);
    expect(load("--no-edge", { YODEL_EDGE: "true" }).config.maxConcurrentStreams).to.equal(1024);
  });

  const values: [string, Partial<Config>][] = [
    ["--listen localhost:8443", { listen: [{ host: "localhost", port: 8443 }] }],
    ["--listen [::]:8443", { listen: [{ host: "::", port: 8443 }] }],
    ["--listen :8443", { listen: [{ host: "::", port: 8443 }] }],
    ["--listen 0.0.0.0:65535", { listen: [{ host: "0.0.0.0", port: 65535 }] }],
    [
      "--listen 127.0.0.1:0,[::1]:0",
      {
        listen: [
          { host: "127.0.0.1", port: 0 },
          { host: "::1", port: 0 },
        ],
      },
    ],
    ["--plaintext", { plaintext: "always" }],
    ["--plaintext never", { plaintext: "never" }],
    ["--plaintext=loopback", { plaintext: "loopback" }],
    ["--plaintext --no-push", { plaintext: "always", push: false }],
    ["--push", { push: true }],
    ["--edge=off", { edge: false }],
    ["--grace-period 5", { gracePeriodMs: 5000 }],
    ["--grace-period 500ms", { gracePeriodMs: 500 }],
    ["--grace-period 1.5s", { gracePeriodMs: 1500 }],
    ["--grace-period 2m", { gracePeriodMs: 120_000 }],
    ["--grace-period 0", { gracePeriodMs: 0 }],
    ["--max-connection-age 1h", { maxConnectionAgeMs: 3_600_000 }],
    ["--keepalive-time off", { keepaliveTimeMs: Number.POSITIVE_INFINITY }],
    ["--max-connection-idle 0", { maxConnectionIdleMs: Number.POSITIVE_INFINITY }],
    ["--max-connections-per-address 0", { maxConnectionsPerAddress: 0 }],
    ["--max-receive-message-size 4194304", { maxReceiveMessageBytes: 4_194_304 }],
    ["--max-receive-message-size 4MiB", { maxReceiveMessageBytes: 4_194_304 }],
    ["--max-receive-message-size unlimited", { maxReceiveMessageBytes: Number.POSITIVE_INFINITY }],
    ["--max-send-message-size 1MB", { maxSendMessageBytes: 1_000_000 }],
    ["--memory-budget 1gib", { memoryBudgetBytes: 1_073_741_824 }],
    ["--services out/services", { services: "out/services" }],
    ["--tls-cert c.pem --tls-key k.pem", { tlsCert: "c.pem", tlsKey: "k.pem" }],
    ["--log-level SILENT", { logLevel: "silent" }],
  ];
  for (const [words, expected] of values) {
    it(`are read from ${words}`, () => {
      const { config } = load(words);
      const read = Object.fromEntries(Object.keys(expected).map((key) => [key, config[key as keyof Config]]));
      expect(read).to.deep.equal(expected);
    });
  }

  const badValues: [string, string[]][] = [
    ["--listen", ["8443", "localhost", "localhost:65536", "::1:8443", "[1.2.3.4]:1", "a:b", "a:1,", "a b:1"]],
    ["--plaintext", ["=maybe"]],
    ["--grace-period", ["soon", "5 minutes", "-1", "25d", "5S"]],
    ["--keepalive-time", ["500ms"]],
    ["--keepalive-timeout", ["0", "off"]],
    ["--max-connections", ["0", "1e3", "many", "1.5", "-1"]],
    ["--max-concurrent-streams", ["0", "2147483648"]],
    ["--max-receive-message-size", ["0", "4M", "big", "-1"]],
    ["--memory-budget", ["unlimited"]],
    ["--log-level", ["loud"]],
    ["--edge", ["=perhaps"]],
  ];
  for (const [flag, texts] of badValues) {
    for (const text of texts) {
      it(`say what ${flag} expects when it is given ${text}`, () => {
        const value = text.replace(/^=/, "");
        const { message, exitCode } = (() => {
          try {
            loadConfig([`${flag}=${value}`], {});
          } catch (error) {
            return error as UsageError;
          }
          throw new Error("The value was accepted.");
        })();
        expect(message).to.match(
          new RegExp(`^Bad value "${value.replace(/[[\].]/g, "\\$&")}" for ${flag}: expected .+\\.$`),
        );
        expect(exitCode).to.equal(2);
      });
    }
  }

  it("name the variable that has a bad value", () => {
    const error = failure("", { YODEL_GRACE_PERIOD: "soon" });
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(
      /^Bad value "soon" for YODEL_GRACE_PERIOD: expected a duration such as 500ms/,
    );
    expect(error.exitCode).to.equal(3);
  });

  it("do not look at a variable that a flag overrules", () => {
    expect(load("--grace-period 1", { YODEL_GRACE_PERIOD: "soon" }).config.gracePeriodMs).to.equal(1000);
  });
});

describe("a mistake on the command line", () => {
  const mistakes: [string, string][] = [
    ["--lisen :1", "Unknown flag --lisen. Did you mean --listen?"],
    ["--tls-certs=a", "Unknown flag --tls-certs. Did you mean --tls-cert?"],
    ["--qqqqqqqqqqqqq", 'Unknown flag --qqqqqqqqqqqqq. Try "yodel --help".'],
    ["--no-listen", "Unknown flag --no-listen. Did you mean --listen?"],
    ["serve", 'Unexpected argument "serve": all settings are flags. Try "yodel --help".'],
    ["--edge true", 'Unexpected argument "true": all settings are flags. Try "yodel --help".'],
    ["--no-push=1", "--no-push takes no value."],
    ["--grace-period", "--grace-period needs a value: a duration such as"],
    ["--proto --edge", "--proto needs a value: folders, with commas between them."],
  ];
  for (const [words, expected] of mistakes) {
    it(`is explained: ${words}`, () => {
      const error = failure(words);
      expect(error).to.be.instanceOf(UsageError);
      expect(error.message.startsWith(expected), error.message).to.equal(true);
      expect(error.exitCode).to.equal(2);
    });
  }
});

describe("settings that do not go together", () => {
  it("are a certificate without its key, and a key without its certificate", () => {
    const withoutKey = failure("--tls-cert a.pem");
    expect(withoutKey.message).to.match(/^--tls-cert was given without --tls-key\. Give both, or neither/);
    expect(withoutKey.exitCode).to.equal(3);
    expect(failure("", { YODEL_TLS_KEY: "k.pem" }).message).to.match(
      /^--tls-key was given without --tls-cert\./,
    );
  });

  it("are warned about where one does nothing without the other", () => {
    expect(load("--max-connection-age-grace 5s").warnings).to.deep.equal([
      "--max-connection-age-grace does nothing without --max-connection-age.",
    ]);
    expect(load("--max-connection-age-grace 5s --max-connection-age 1h").warnings).to.deep.equal([]);
  });
});

describe("an unknown environment variable", () => {
  it("is warned about when it could be meant for the server", () => {
    const env = { YODEL_LISTN: ":1", YODEL_ZZZZZZZZZZZZZZZ: "1", PATH: "/bin", HOME: "/" };
    expect(load("", env).warnings).to.deep.equal([
      "Unknown environment variable YODEL_LISTN. Did you mean YODEL_LISTEN?",
      "Unknown environment variable YODEL_ZZZZZZZZZZZZZZZ.",
    ]);
  });
});

describe("a command line that asks for something else than a server", () => {
  it("is understood", () => {
    expect(
      ["--help", "-h", "--version", "-v", "--print-config"].map((words) => load(words).action),
    ).to.deep.equal(["help", "help", "version", "version", "print-config"]);
  });

  it("gets help in spite of every mistake beside it", () => {
    expect(load("--lisen --help", { YODEL_GRACE_PERIOD: "soon", YODEL_TLS_KEY: "k.pem" }).action).to.equal(
      "help",
    );
  });

  it("prints the settings it was given, mistakes not allowed", () => {
    expect(load("--print-config --grace-period 1m").config.gracePeriodMs).to.equal(60_000);
    expect(failure("--print-config --grace-period soon")).to.be.instanceOf(UsageError);
  });
});
