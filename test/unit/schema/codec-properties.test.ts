import { expect } from "chai";
import fc from "fast-check";
import protobuf from "protobufjs";
import { conversion } from "../../../src/schema/conversion.ts";
import { loadSchema } from "../../../src/schema/schema.ts";

type Message = Record<string, unknown>;

/** The scripts are plain JavaScript, without declarations. */
const { generatorFlags } = await import(new URL("../../../scripts/generate-types.mjs", import.meta.url).href);

const codec = loadSchema(["test/support/proto"]).services.get("varied.v1.Variety")!.methods[0].request;

/** The same type as plain protobufjs has it. */
const root = new protobuf.Root();
root.resolvePath = (_origin, target) =>
  target.startsWith("google/") ? `node_modules/protobufjs/${target}` : target;
const twin = root.loadSync("test/support/proto/varied.proto").resolveAll() as protobuf.Root;
const type = twin.lookupType("varied.v1.Everything");

const text = fc.string({ unit: "binary", maxLength: 50 }).filter((value) => !/[\ud800-\udfff]/u.test(value));
const blob = fc.uint8Array({ maxLength: 80 }).map((value) => Buffer.from(value));
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const color = fc.constantFrom("COLOR_UNSPECIFIED", "COLOR_RED", "COLOR_BLUE", 7, -5);

const scalars = fc.record(
  {
    aDouble: fc.double(),
    aFloat: fc.float(),
    anInt32: int32,
    anInt64: int64,
    aUint32: uint32,
    aUint64: uint64,
    aSint32: int32,
    aSint64: int64,
    aFixed32: uint32,
    aFixed64: uint64,
    aSfixed32: int32,
    aSfixed64: int64,
    aBool: fc.boolean(),
    aString: text,
    someBytes: blob,
    color,
  },
  { requiredKeys: [] },
);
const nested = fc.record({ name: text }, { requiredKeys: [] });
const choice = fc.oneof(
  fc.record({ word: text }),
  fc.record({ number: int32 }),
  fc.record({ nested }),
  fc.record({ chosenColor: color }),
  fc.constant({}),
);
const rest = fc.record(
  {
    scalars: fc.option(scalars),
    manyScalars: fc.array(scalars, { maxLength: 2 }),
    numbers: fc.array(int32, { maxLength: 5 }),
    longs: fc.array(int64, { maxLength: 5 }),
    words: fc.array(text, { maxLength: 5 }),
    blobs: fc.array(blob, { maxLength: 3 }),
    colors: fc.array(color, { maxLength: 5 }),
    unpacked: fc.array(int32, { maxLength: 5 }),
    texts: fc.dictionary(text, text, { maxKeys: 4 }),
    nestedByNumber: fc.dictionary(int32.map(String), nested, { maxKeys: 4 }),
    maybeNumber: int32,
    maybeWord: text,
    maybeScalars: scalars,
    size: fc.constantFrom("SMALL", "LARGE"),
    recursive: fc.record({ scalars }, { requiredKeys: [] }),
    any: fc.record({ type_url: text, value: blob }),
    at: fc.record({ seconds: int64, nanos: int32 }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const messages = fc.tuple(rest, choice).map(([a, b]): Message => ({ ...a, ...b }));

const plainDecode = (bytes: Uint8Array) =>
  type.toObject(type.decode(bytes), conversion as protobuf.IConversionOptions);
const plainEncode = (value: Message) => type.encode(type.fromObject(value)).finish();

describe("the codecs, beside plain protobufjs", () => {
  it("read what it has written as it reads it", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = plainEncode(message);
        expect(codec.decode(bytes)).to.deep.equal(plainDecode(bytes));
      }),
    );
  });

  it("write what it reads as it reads its own", () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(plainDecode(codec.encode(message))).to.deep.equal(plainDecode(plainEncode(message)));
      }),
    );
  });

  it("write again the same as they have read", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = codec.encode(message);
        expect(codec.encode(codec.decode(bytes))).to.deep.equal(bytes);
      }),
    );
  });

  it("never do anything but return or throw an Error on bytes from anywhere", () => {
    const cut = fc.tuple(messages, fc.nat(), fc.nat(), fc.nat(255)).map(([message, at, end, value]) => {
      const bytes = Buffer.from(codec.encode(message));
      if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes.subarray(0, end % (bytes.length + 1));
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), cut), (bytes) => {
        try {
          codec.encode(codec.decode(bytes));
        } catch (error) {
          expect(error).to.be.instanceOf(TypeError);
          expect((error as Error).message).to.match(/^These bytes are no varied\.v1\.Everything: /);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("the preset of conversions", () => {
  it("is the one that types are generated with", () => {
    const flags = Object.entries(conversion)
      .filter(([, value]) => value !== false)
      .map(([name, value]) => (typeof value === "function" ? `--${name}=${value.name}` : `--${name}`));
    expect(generatorFlags).to.include.members(flags);
    expect(generatorFlags).to.not.include("--keepCase");
  });
});
