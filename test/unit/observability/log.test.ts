import { EventEmitter } from "node:events";
import { expect } from "chai";
import { createLog, type LogFormat, type LogLevel, silentLog } from "../../../src/observability/log.ts";

/** A log and the lines it wrote. */
function record(level: LogLevel, format: LogFormat, isTTY = false) {
  const lines: string[] = [];
  const stream = {
    isTTY,
    write: (text: string) => lines.push(...text.split("\n").filter((line) => line !== "")),
  };
  return { lines, log: createLog({ level, format, stream }) };
}

describe("the log", () => {
  it("writes one JSON object for each line, with level, time, fields and the message", () => {
    const { log, lines } = record("info", "json");
    log.warn("A connection was refused.", { peer: "10.0.0.1" });
    expect(lines).to.have.length(1);
    const { level, time, peer, msg } = JSON.parse(lines[0]);
    expect({ level, peer, msg }).to.deep.equal({
      level: "warn",
      peer: "10.0.0.1",
      msg: "A connection was refused.",
    });
    expect(new Date(time).toISOString()).to.equal(time);
  });

  it("leaves out what is less important than its level", () => {
    const { log, lines } = record("warn", "json");
    for (const level of ["trace", "debug", "info", "warn", "error"] as const) log[level](level);
    expect(lines.map((line) => JSON.parse(line).msg)).to.deep.equal(["warn", "error"]);
  });

  it("writes an error with its type, message and stack", () => {
    const { log, lines } = record("info", "json");
    log.error("The handler failed.", { error: new TypeError("no name") });
    const { error } = JSON.parse(lines[0]);
    expect(error).to.include({ type: "TypeError", message: "no name" });
    expect(error.stack).to.include("log.test.ts");
  });

  it("gives a child's fields to each of its lines", () => {
    const { log, lines } = record("info", "json");
    log.child({ service: "a.B" }).child({ method: "C" }).info("Called.", { ms: 3 });
    expect(JSON.parse(lines[0])).to.include({ service: "a.B", method: "C", ms: 3, msg: "Called." });
  });

  it("writes for people on a terminal, and JSON elsewhere", () => {
    const terminal = record("info", "auto", true);
    terminal.log.info("Ready.", { port: 8443 });
    expect(terminal.lines[0]).to.match(/INFO.*Ready\./);
    expect(terminal.lines[1]).to.include("port").and.include("8443");
    const file = record("info", "auto");
    file.log.info("Ready.");
    expect(JSON.parse(file.lines[0]).msg).to.equal("Ready.");
  });

  it("writes for people without colours where there is no terminal", () => {
    const { log, lines } = record("info", "pretty");
    log.info("Ready.");
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: Ready\.$/);
  });

  it("outlives the reader of its output", () => {
    const stream = new EventEmitter() as EventEmitter & { write(text: string): void };
    stream.write = () => stream.emit("error", new Error("write EPIPE"));
    const log = createLog({ level: "info", format: "json", stream });
    expect(() => log.info("nobody reads this")).not.to.throw();
  });

  it("says nothing when silent", () => {
    const { log, lines } = record("silent", "json");
    log.error("Lost.");
    expect(log).to.equal(silentLog);
    expect(silentLog.child({ a: 1 })).to.equal(silentLog);
    expect(lines).to.deep.equal([]);
  });
});
