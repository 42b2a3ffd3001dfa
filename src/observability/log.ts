import { createRequire } from "node:module";
import { type Logger, pino } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";
/** `auto` is `pretty` on a terminal and `json` everywhere else. */
export type LogFormat = "auto" | "pretty" | "json";

/** What is told beside the sentence. An `Error` under `error` or `err` is written with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the server says what it does. The message is a sentence that never changes; what varies is in the fields. */
export interface Log {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log, with these fields in every line. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Default: the standard output. */
  readonly stream?: LogStream;
}

/** A writable stream, as far as a log needs one. */
export interface LogStream {
  write(text: string): unknown;
  on?(event: "error", listener: () => void): unknown;
  readonly isTTY?: boolean;
}

/** Writes through pino, in this thread, so that the last words of a dying process are not lost. */
export function createLog({ level, format, stream = process.stdout }: LogOptions): Log {
  if (level === "silent") return silentLog;
  // Whoever read the log has gone (`npm start | head`): no reason for the server to go, too.
  stream.on?.("error", () => {});
  const isPretty = format === "pretty" || (format === "auto" && stream.isTTY === true);
  return new PinoLog(pino(pinoOptions(level), isPretty ? prettyStream(stream) : stream));
}

function pinoOptions(level: LogLevel) {
  return {
    level,
    // The host's name is known to whoever collects the lines; the process may be one of several.
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
  };
}

function prettyStream(stream: LogStream): LogStream {
  // Only a terminal pays for loading it, and it must be there before the first line: so not by import().
  const pretty = createRequire(import.meta.url)("pino-pretty") as typeof import("pino-pretty");
  const isTTY = stream.isTTY === true;
  const options = {
    colorize: isTTY && !process.env["NO_COLOR"],
    ignore: "pid",
    translateTime: "SYS:HH:MM:ss.l",
    errorLikeObjectKeys: ["err", "error"],
    sync: true,
  };
  const format = pretty.prettyFactory(options);
  return { write: (line) => stream.write(format(JSON.parse(line))) };
}

class PinoLog implements Log {
  constructor(private readonly logger: Logger) {}

  trace(message: string, fields?: LogFields): void {
    this.logger.trace(fields, message);
  }
  debug(message: string, fields?: LogFields): void {
    this.logger.debug(fields, message);
  }
  info(message: string, fields?: LogFields): void {
    this.logger.info(fields, message);
  }
  warn(message: string, fields?: LogFields): void {
    this.logger.warn(fields, message);
  }
  error(message: string, fields?: LogFields): void {
    this.logger.error(fields, message);
  }
  child(fields: LogFields): Log {
    return new PinoLog(this.logger.child(fields));
  }
}

function ignore(): void {}

/** Says nothing. */
export const silentLog: Log = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => silentLog,
};
