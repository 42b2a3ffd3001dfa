import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { findViolations } from "./layers.ts";
import { readImports, readSourceFiles, type SourceFile } from "./source-files.ts";

const sourceFolder = fileURLToPath(new URL("../../src", import.meta.url));

describe("the layers of src/", () => {
  it("import downwards only, have no cycle and no file over 400 lines", () => {
    const violations = findViolations(readSourceFiles(sourceFolder));
    expect(violations, violations.join("\n")).to.deep.equal([]);
  });
});

describe("the layer check", () => {
  it("accepts imports that go down", () => {
    const files = [
      file("transport/listener.ts", 'import { Connection } from "../http2/connection.ts";'),
      file("http2/connection.ts", 'import { Decoder } from "./hpack/decoder.ts";'),
      file("http2/hpack/decoder.ts", ""),
      file("schema/codecs.ts", 'import protobuf from "protobufjs";'),
    ];
    expect(findViolations(files)).to.deep.equal([]);
  });

  it("finds an import that goes up", () => {
    expect(
      findViolations([file("http2/connection.ts", 'import { Call } from "../rpc/call.ts";')]),
    ).to.deep.equal([
      "http2/connection.ts: imports ../rpc/call.ts, but http2 may not import rpc (as a value)",
    ]);
  });

  it("finds a type that goes up", () => {
    expect(findViolations([file("exchange.ts", 'import type { Call } from "./rpc/call.ts";')])).to.deep.equal(
      ["exchange.ts: imports ./rpc/call.ts, but exchange may not import rpc"],
    );
  });

  it("lets observability import types and no values", () => {
    const files = [
      file("observability/log.ts", 'import type { Call } from "../rpc/call.ts";'),
      file("observability/metrics.ts", 'import { Call } from "../rpc/call.ts";'),
    ];
    expect(findViolations(files)).to.deep.equal([
      "observability/metrics.ts: imports ../rpc/call.ts, but observability may not import rpc (as a value)",
    ]);
  });

  it("finds transport imported by another file of rpc than its server", () => {
    const text = 'import { Listener } from "../transport/listener.ts";';
    expect(findViolations([file("rpc/server.ts", text), file("rpc/call.ts", text)])).to.deep.equal([
      "rpc/call.ts: imports ../transport/listener.ts, but rpc may not import transport (as a value)",
    ]);
  });

  it("finds a protocol that imports its sibling", () => {
    const files = [
      file("protocols/grpc/handler.ts", 'import { encode } from "../connect/encode.ts";'),
      file("protocols/connect/encode.ts", 'import { code } from "../shared/code.ts";'),
    ];
    expect(findViolations(files)).to.deep.equal([
      "protocols/grpc/handler.ts: imports ../connect/encode.ts, but protocols/grpc may not import its sibling protocols/connect",
    ]);
  });

  it("lets the file that puts the protocols together import them", () => {
    const files = [
      file("protocols/all.ts", 'import { grpc } from "./grpc/handler.ts";'),
      file("protocols/grpc/handler.ts", ""),
    ];
    expect(findViolations(files)).to.deep.equal([]);
  });

  it("finds a protobuf library outside schema/", () => {
    expect(
      findViolations([file("rpc/method.ts", 'import { Root } from "protobufjs/light.js";')]),
    ).to.deep.equal(["rpc/method.ts: imports protobufjs/light.js, but only schema may import protobufjs"]);
  });

  it("finds I/O in http2/ and anything at all in hpack/", () => {
    const files = [
      file("http2/connection.ts", 'import net from "node:net";\nimport { Buffer } from "node:buffer";'),
      file("http2/hpack/table.ts", 'import { Buffer } from "node:buffer";'),
    ];
    expect(findViolations(files)).to.deep.equal([
      "http2/connection.ts: imports node:net, but http2 may import node:buffer only",
      "http2/hpack/table.ts: imports node:buffer, but http2/hpack may import no package",
    ]);
  });

  it("finds a cycle and prints its way", () => {
    const files = [
      file("rpc/a.ts", 'export { b } from "./b.ts";'),
      file("rpc/b.ts", 'import { c } from "./c.ts";'),
      file("rpc/c.ts", 'import { b } from "./b.ts";'),
    ];
    expect(findViolations(files)).to.deep.equal(["import cycle: rpc/b.ts -> rpc/c.ts -> rpc/b.ts"]);
  });

  it("finds a file that is too long and a folder that is in no layer", () => {
    const files = [{ ...file("rpc/long.ts", ""), lineCount: 401 }, file("misc/thing.ts", "")];
    expect(findViolations(files)).to.deep.equal([
      "rpc/long.ts: 401 lines, at most 400 allowed",
      "misc/thing.ts: in no layer; add a row to the table in test/architecture/layers.ts",
    ]);
  });
});

describe("reading imports", () => {
  it("tells types from values in all the ways of importing", () => {
    const text = `
import type { A } from "./a.ts";
import { type B, type C } from "./b.ts";
import {
  type D,
  e,
} from "./d.ts";
import f, * as g from "./f.ts";
export * from "./h.ts";
export type { I } from "./i.ts";
import "./j.ts";
const k = await import("./k.ts");
// import { l } from "./l.ts";
/* import { m } from "./m.ts"; */
`;
    const facts = readImports(text).map(
      ({ specifier, typeOnly }) => `${specifier} ${typeOnly ? "type" : "value"}`,
    );
    expect(facts).to.deep.equal([
      "./a.ts type",
      "./b.ts type",
      "./d.ts value",
      "./f.ts value",
      "./h.ts value",
      "./i.ts type",
      "./j.ts value",
      "./k.ts value",
    ]);
  });
});

function file(path: string, text: string): SourceFile {
  return { path, lineCount: text.split("\n").length, imports: readImports(text) };
}
