import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { loadSchema, SchemaError } from "../../../src/schema/schema.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const here = process.cwd();
let folder: ReturnType<typeof temporaryFolder>;

/** Loads files as if the working directory held them; returns the error. */
function mistakeIn(files: Record<string, string>, directories = ["proto"]): SchemaError {
  folder = temporaryFolder(files);
  process.chdir(folder.path);
  try {
    loadSchema(directories);
  } catch (error) {
    expect(error).to.be.instanceOf(SchemaError);
    return error as SchemaError;
  }
  throw new Error("no error");
}

const lines = (...text: string[]) => text.join("\n");

describe("a schema", () => {
  afterEach(() => {
    process.chdir(here);
    folder?.remove();
  });

  it("has every service below its folders, with paths and kinds", () => {
    const { services } = loadSchema(["proto"]);
    const greeter = services.get("helloworld.Greeter")!;
    expect(greeter.file).to.equal(join("proto", "helloworld", "greeter.proto"));
    expect(greeter.methods.map(({ name, path, kind }) => [name, path, kind])).to.deep.equal([
      ["SayHello", "/helloworld.Greeter/SayHello", "unary"],
      ["SayHelloStreamReply", "/helloworld.Greeter/SayHelloStreamReply", "server-stream"],
      ["SayHelloBidiStream", "/helloworld.Greeter/SayHelloBidiStream", "bidi"],
      ["SayHelloToAll", "/helloworld.Greeter/SayHelloToAll", "client-stream"],
    ]);
    expect(greeter.methods[0].request.typeName).to.equal("helloworld.HelloRequest");
  });

  it("reads built-in imports, and a file found through two folders once", () => {
    const { services } = loadSchema(["test/support/proto", "test/support"]);
    expect([...services.keys()]).to.include.members(["varied.old.Archive", "varied.v1.Variety"]);
  });

  it("finds imports in other folders and follows symbolic links, but no hidden ones", () => {
    folder = temporaryFolder({
      "a/..data/x.proto": 'syntax = "proto3"; import "shared/y.proto"; message X { Y y = 1; }',
      "b/shared/y.proto": 'syntax = "proto3"; message Y {} service S { rpc M (Y) returns (Y); }',
    });
    symlinkSync(join("..data", "x.proto"), join(folder.path, "a", "x.proto"));
    symlinkSync("..", join(folder.path, "b", "shared", "loop"));
    const schema = loadSchema([join(folder.path, "a"), join(folder.path, "b")]);
    expect([...schema.services.keys()]).to.deep.equal(["S"]);
  });

  it("shows where a token is wrong", () => {
    const error = mistakeIn({
      "proto/g.proto": lines(
        'syntax = "proto3";',
        "service G {",
        "\trpc SayHello (HelloRequest) retuns (HelloReply) {}",
        "}",
      ),
    });
    expect(error.message).to.equal(
      lines(
        `${join("proto", "g.proto")}:3:30: unexpected "retuns", expected "returns"`,
        "  3 | \trpc SayHello (HelloRequest) retuns (HelloReply) {}",
        `    | \t${" ".repeat(28)}^`,
      ),
    );
    expect([error.file, error.line, error.column]).to.deep.equal([join("proto", "g.proto"), 3, 30]);
  });

  const cases: [string, Record<string, string>, RegExp][] = [
    [
      "an unexpected token",
      { "p/a.proto": "syntax = 'proto3';\n  foo" },
      /^p.a\.proto:2:3: unexpected token "foo"/,
    ],
    [
      "a file cut off",
      { "p/a.proto": "syntax = 'proto3';\nmessage A {" },
      /^p.a\.proto:2:12: unexpected end of/,
    ],
    ["a comment without end", { "p/a.proto": "/* oh" }, /^p.a\.proto:1:\d+: this comment has no end/],
    [
      "a bad field number",
      { "p/a.proto": "syntax='proto3';message A { int32 a = x; }" },
      /1:39: "x" is no valid id/,
    ],
    [
      "a type that is nowhere",
      { "p/a.proto": "syntax = 'proto3';\nmessage A {\n  // Foo\n  repeated Foo foos = 1;\n}" },
      /^p.a\.proto:4:12: cannot find the type "Foo" of the field A\.foos\n {2}4 \| {3}repeated Foo foos = 1;/,
    ],
    [
      "a type in another package",
      {
        "p/a.proto": "syntax='proto3'; package a; message A { Foo foo = 1; }",
        "p/b.proto": "syntax='proto3'; package b; message Foo {}",
      },
      /1:41: cannot find the type "Foo".*[\s\S]*There is b\.Foo; did you mean that\?/,
    ],
    [
      "a method's type that is nowhere",
      { "p/a.proto": "syntax='proto3';\nmessage A {}\nservice S {\n  rpc M (A) returns (stream B);\n}" },
      /^p.a\.proto:4:29: cannot find the type "B" of the method S\.M/,
    ],
    [
      "an extension of nothing",
      { "p/a.proto": "syntax='proto2';\nextend Nope { optional int32 x = 100; }" },
      /^p.a\.proto:2:8: cannot find the type "Nope" of the extension x/,
    ],
    [
      "an import that is not there",
      { "p/a.proto": "syntax='proto3';\nimport 'google/rpc/states.proto';" },
      /^p.a\.proto:2:8: cannot find the import "google\/rpc\/states\.proto"[\s\S]*Searched in: p; built in are/,
    ],
    [
      "an import by the wrong path",
      { "p/x/a.proto": "syntax='proto3';\nimport 'b.proto';", "p/x/b.proto": "syntax='proto3';" },
      /2:8: cannot find the import "b\.proto"[\s\S]*p.x.b\.proto is there\./,
    ],
    [
      "a service defined in two files",
      {
        "p/a.proto": "syntax='proto3'; package x;\nservice S {}",
        "p/b.proto": "syntax='proto3'; package x;\n\n// service S\nservice S {}",
      },
      /^p.b\.proto:4:9: x\.S is defined in p.a\.proto already/,
    ],
    [
      "a message defined twice",
      { "p/a.proto": "syntax='proto3';\nmessage A {}\nmessage A {}" },
      /^p.a\.proto:3:9: A is defined more than once/,
    ],
    [
      "a field name used twice",
      { "p/a.proto": "syntax='proto3';\nmessage A {\n  int32 my_x = 1;\n  int32 my_x = 2;\n}" },
      /^p.a\.proto:4:9: A\.myX is defined more than once/,
    ],
    [
      "a field number used twice",
      { "p/a.proto": "syntax='proto3';\nmessage A {\n  int32 x = 1;\n  int32 y = 1;\n}" },
      /^p.a\.proto:4:13: the number 1 is used twice in A/,
    ],
    [
      "a reserved number",
      { "p/a.proto": "syntax='proto3';\nmessage A {\n  reserved 2 to 5;\n  int32 x = 3;\n}" },
      /^p.a\.proto:4:13: the number 3 is reserved in A/,
    ],
    [
      "a reserved name",
      { "p/a.proto": "syntax='proto3';\nmessage A {\n  reserved 'x';\n  int32 x = 3;\n}" },
      /^p.a\.proto:4:9: the name x is reserved in A/,
    ],
    [
      "a method defined twice",
      {
        "p/a.proto":
          "syntax='proto3';\nmessage A {}\nservice S {\n  rpc M (A) returns (A);\n  rpc M (A) returns (A);\n}",
      },
      /^p.a\.proto:5:7: S\.M is defined more than once/,
    ],
    ["a folder without .proto files", { "p/readme.md": "" }, /^The folder p has no \.proto file in it\.$/],
  ];
  for (const [what, files, message] of cases) {
    it(`explains ${what}`, () => {
      expect(mistakeIn(files, ["p"]).message).to.match(message);
    });
  }

  it("explains a folder that does not exist", () => {
    expect(mistakeIn({}, ["nowhere"]).message).to.match(
      /^The folder of \.proto files nowhere does not exist \(/,
    );
    mkdirSync("still-works");
  });
});

describe("the .proto files that come with the package", () => {
  it("can be imported without having them", () => {
    const { path, remove } = temporaryFolder({
      "a.proto":
        "syntax='proto3';\nimport 'google/rpc/status.proto';\nmessage A { google.rpc.Status status = 1; }",
    });
    const codec = loadSchema([path]).codec("A");
    remove();
    expect(codec!.decode(codec!.encode({ status: { code: 5 } }))).to.have.nested.include({
      "status.code": 5,
    });
  });
});
