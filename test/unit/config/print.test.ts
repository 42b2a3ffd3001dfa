import { expect } from "chai";
import { actions, flagOf, optionList, options, variableOf } from "../../../src/config/options.ts";
import {
  exitCodes,
  helpText,
  loadConfig,
  printConfig,
  printDuration,
  printSize,
} from "../../../src/config.ts";

describe("the help", () => {
  const help = helpText();

  it("has every option with its variable and its default, and nothing else", () => {
    const flags = optionList
      .map(([, option]) => flagOf(option))
      .concat(actions.map(({ flag }) => `--${flag}`));
    const shown = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag);
    expect(shown).to.have.members(flags);
    const variables = [...help.matchAll(/\[(YODEL_\w+), default /g)].map(([, name]) => name);
    expect(variables).to.have.members(optionList.map(([, option]) => variableOf(option)));
  });

  it("shows defaults in the units that people use", () => {
    expect(help).to.include("[YODEL_LISTEN, default localhost:8443]");
    expect(help).to.include("[YODEL_KEEPALIVE_TIME, default 2h]");
    expect(help).to.include("[YODEL_MEMORY_BUDGET, default 256MiB]");
    expect(help).to.include("[YODEL_MAX_CONNECTION_AGE, default off]");
    expect(help).to.include("[YODEL_MAX_CONCURRENT_STREAMS, default 1024, edge 100]");
    expect(help).to.include("[YODEL_PUSH, default on]");
    expect(help).to.include("[YODEL_SERVICES, default services beside server.js]");
  });

  it("names every exit code", () => {
    for (const code of Object.values(exitCodes)) expect(help).to.match(new RegExp(`^  ${code}  \\w`, "m"));
  });

  it("fits 100 columns and ends in one line break", () => {
    expect(Math.max(...help.split("\n").map((line) => line.length))).to.be.at.most(100);
    expect(help).to.match(/[^\n]\n$/);
  });

  it("gives examples that hold", () => {
    const section = help.slice(help.indexOf("Examples"), help.indexOf("Exit codes"));
    const commands = [...section.matchAll(/yodel((?: [\w.:/-]+)*)/g)].map(([, words]) =>
      words.trim().split(" "),
    );
    expect(commands.length).to.be.at.least(4);
    for (const words of commands) loadConfig(words.filter(Boolean), {});
  });
});

describe("the table of options", () => {
  it("prints every default so that it can be read again", () => {
    const readable = optionList.filter(([, { byDefault }]) => byDefault !== undefined);
    for (const [, { kind, byDefault }] of readable) {
      expect(kind.parse(kind.print(byDefault))).to.deep.equal(byDefault);
    }
  });

  it("names each option after its flag, with the unit behind it", () => {
    for (const [key, { flag }] of optionList) {
      const camelCase = flag
        .replace(/-size$/, "")
        .replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
      expect([camelCase, `${camelCase}Ms`, `${camelCase}Bytes`]).to.include(key);
    }
  });
});

describe("the printed settings", () => {
  const argv = ["--listen", "[::]:50051,127.0.0.1:0", "--grace-period", "90s", "--edge"];
  const lines = printConfig(loadConfig(argv, { YODEL_MEMORY_BUDGET: "1GiB" }))
    .trimEnd()
    .split("\n");
  const cells = (flag: string) => lines.find((line) => line.startsWith(`${flag} `))?.split(/ {2,}/);

  it("say of each one its value and where it comes from", () => {
    expect(cells("listen")).to.deep.equal(["listen", "[::]:50051,127.0.0.1:0", "flag"]);
    expect(cells("grace-period")).to.deep.equal(["grace-period", "90s", "flag"]);
    expect(cells("memory-budget")).to.deep.equal([
      "memory-budget",
      "1GiB",
      "environment YODEL_MEMORY_BUDGET",
    ]);
    expect(cells("max-concurrent-streams")).to.deep.equal([
      "max-concurrent-streams",
      "100",
      "default under --edge",
    ]);
    expect(cells("max-send-message-size")).to.deep.equal(["max-send-message-size", "unlimited", "default"]);
    expect(cells("tls-cert")).to.deep.equal(["tls-cert", "a development one in .yodel/", "default"]);
    expect(lines).to.have.length(Object.keys(options).length + 1);
  });

  it("stand in columns", () => {
    const starts = lines.map((line) =>
      line.search(/(From|flag|default|environment)( YODEL_\w+| under --edge)?$/),
    );
    expect(new Set(starts)).to.have.property("size", 1);
  });
});

describe("units", () => {
  it("are the largest that need no fraction", () => {
    const durations = [0, 1, 999, 1000, 90_000, 120_000, 7_200_000, 86_400_000, Number.POSITIVE_INFINITY];
    expect(durations.map(printDuration)).to.deep.equal([
      "0s",
      "1ms",
      "999ms",
      "1s",
      "90s",
      "2m",
      "2h",
      "1d",
      "off",
    ]);
    const sizes = [1, 1000, 1024, 1536, 4_194_304, 1_073_741_824, Number.POSITIVE_INFINITY];
    expect(sizes.map(printSize)).to.deep.equal(["1", "1000", "1KiB", "1536", "4MiB", "1GiB", "unlimited"]);
  });
});
