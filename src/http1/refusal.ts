import { STATUS_CODES } from "node:http";

/** A request that is answered by the server itself, after which its connection is closed. */
export class Refusal {
  constructor(
    readonly status: number,
    /** For the person who reads the answer; says nothing of the server's insides. */
    readonly message: string,
  ) {}

  get body(): string {
    return `${this.message}\n`;
  }

  /** The header fields of the answer, flat. */
  get fields(): string[] {
    return [
      "content-type",
      "text/plain; charset=utf-8",
      "content-length",
      String(Buffer.byteLength(this.body)),
      "connection",
      "close",
    ];
  }

  /** The whole answer as it goes on the wire, for a connection on which no request could be read. */
  toBytes(): string {
    const { fields } = this;
    let text = `HTTP/1.1 ${this.status} ${STATUS_CODES[this.status] ?? ""}\r\n`;
    for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
    return `${text}\r\n${this.body}`;
  }
}

/** The answer to what Node's parser could not read. `code` is the code of its error. */
export function refusalForParserError(code: string | undefined): Refusal {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new Refusal(431, "The header section is too large.");
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new Refusal(413, "The chunk extensions are too large.");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new Refusal(408, "The request did not arrive in time.");
    default:
      return new Refusal(400, "This is not a well-formed HTTP/1.1 request.");
  }
}
