import { expect } from "chai";
import { loadSchema } from "../../../src/schema/schema.ts";

type Message = Record<string, unknown>;

const { services } = loadSchema(["test/support/proto"]);
const everything = services.get("varied.v1.Variety")!.methods[0].request;
const scalars = services.get("varied.v1.Variety")!.methods[1].request;
const old = services.get("varied.old.Archive")!.methods[0].request;

const bytes = (...values: number[]) => Buffer.from(values);
const roundTrip = (value: Message) => everything.decode(everything.encode(value)) as Message;
const scalar = (value: Message) => scalars.decode(scalars.encode(value)) as Message;
/** Everything, within itself, this many times; written by hand, as no encoder would. */
function nested(levels: number): Buffer {
  const headers: Buffer[] = [];
  let length = 0;
  for (let i = 0; i < levels; i++) {
    const size: number[] = [];
    let rest = length;
    for (; rest > 127; rest >>>= 7) size.push((rest & 127) | 128);
    const header = bytes(0xb2, 0x01, ...size, rest);
    headers.push(header);
    length += header.length;
  }
  return Buffer.concat(headers.reverse());
}

describe("the values that handlers receive", () => {
  it("have every field of proto3 at its default", () => {
    expect(scalars.decode(bytes())).to.deep.equal({
      aDouble: 0,
      aFloat: 0,
      anInt32: 0,
      anInt64: "0",
      aUint32: 0,
      aUint64: "0",
      aSint32: 0,
      aSint64: "0",
      aFixed32: 0,
      aFixed64: "0",
      aSfixed32: 0,
      aSfixed64: "0",
      aBool: false,
      aString: "",
      someBytes: Buffer.alloc(0),
      color: "COLOR_UNSPECIFIED",
    });
    const empty = everything.decode(bytes()) as Message;
    expect(empty).to.include({ scalars: null, at: null, size: "SMALL" });
    expect(empty).to.deep.include({ numbers: [], texts: {} });
    expect(empty).to.not.have.any.keys("word", "choice", "maybeNumber", "_maybeNumber");
  });

  it("share no array or map between messages", () => {
    const [one, two] = [everything.decode(bytes()), everything.decode(bytes())] as Message[];
    expect(one["numbers"]).to.not.equal(two["numbers"]);
    expect(one["texts"]).to.not.equal(two["texts"]);
  });

  it("have the defaults of proto2, and no bytes that another message shares", () => {
    const message = old.decode(old.encode({ id: "a" })) as Message;
    expect(message).to.include({ count: 42, level: "HIGH", plainLevel: "LOW", big: "-7", part: null });
    (message["seal"] as Buffer).fill(0);
    const other = old.decode(old.encode({ id: "a" })) as Message;
    expect(other["seal"]).to.not.deep.equal(message["seal"]);
  });

  it("name the member of a oneof that came last, and forget the others", () => {
    const message = everything.decode(bytes(0x72, 1, 0x61, 0x78, 5)) as Message;
    expect(message).to.include({ choice: "number", number: 5 });
    expect(message).to.not.have.property("word");
  });

  it("keep an optional field apart from one at its default", () => {
    expect(roundTrip({ maybeNumber: 0, maybeWord: "" })).to.include({
      maybeNumber: 0,
      _maybeNumber: "maybeNumber",
      maybeWord: "",
    });
  });

  it("have enum values without a name as numbers, and of two names the first", () => {
    expect(scalars.decode(bytes(0x80, 1, 99))).to.include({ color: 99 });
    expect(scalar({ color: "COLOR_CRIMSON" })).to.include({ color: "COLOR_RED" });
    expect(scalar({ color: 12345 })).to.include({ color: 12345 });
    expect(scalar({ color: "COLOR_BLUE" })).to.include({ color: "COLOR_BLUE" });
  });

  it("have 64-bit numbers and keys as decimal text, whole", () => {
    const max = "18446744073709551615";
    expect(scalar({ aUint64: max, anInt64: "-9223372036854775808" })).to.include({
      aUint64: max,
      anInt64: "-9223372036854775808",
    });
    const message = roundTrip({ colorsByLong: { "-9007199254740993": 1 }, doublesByLong: { [max]: 0.5 } });
    expect(message).to.deep.include({
      colorsByLong: { "-9007199254740993": "COLOR_RED" },
      doublesByLong: { [max]: 0.5 },
    });
  });

  it("have the two keys of a map by bool", () => {
    const blobsByFlag = { true: bytes(1), false: bytes(0) };
    expect(roundTrip({ blobsByFlag })).to.deep.include({ blobsByFlag });
  });

  it("have groups and extensions of proto2", () => {
    const value = {
      id: "x",
      part: { text: "in" },
      item: [{ weight: 1 }, { weight: 2 }],
      ".varied.old.note": "n",
    };
    expect(old.decode(old.encode(value))).to.deep.include(value);
  });

  it("are merged when an embedded message comes in two parts", () => {
    const parts = Buffer.concat([
      everything.encode({ scalars: { anInt32: 1 } }),
      everything.encode({ scalars: { aString: "b" } }),
    ]);
    expect((everything.decode(parts) as { scalars: Message }).scalars).to.include({
      anInt32: 1,
      aString: "b",
    });
  });

  it("take numbers packed and unpacked alike", () => {
    expect(everything.decode(bytes(0x18, 1, 0x1a, 2, 2, 3, 0x42, 1, 9))).to.deep.include({
      numbers: [1, 2, 3],
      unpacked: [9],
    });
  });

  it("leave out unknown fields, also of a known number but another wire type", () => {
    expect(scalars.decode(bytes(0xf8, 0x3f, 1, 0x70, 5))).to.deep.equal(scalars.decode(bytes()));
  });

  it("keep nothing of the bytes they were read from", () => {
    const source = Buffer.from(
      everything.encode({ blobs: [bytes(1, 2, 3)], scalars: { someBytes: bytes(4) } }),
    );
    const message = everything.decode(source) as { blobs: Buffer[]; scalars: { someBytes: Buffer } };
    source.fill(0xff);
    expect(message.blobs[0]).to.deep.equal(bytes(1, 2, 3));
    expect(message.scalars.someBytes).to.deep.equal(bytes(4));
  });

  it("are read from any Uint8Array", () => {
    expect(scalars.decode(new Uint8Array([0x72, 2, 0xc3, 0xa4]))).to.include({ aString: "ä" });
  });
});

describe("what handlers may return", () => {
  const wrong: [string, Message, string][] = [
    ["a number for a string", { aString: 5 }, ".aString: string expected, got number"],
    ["a promise for a string", { aString: Promise.resolve("") }, ".aString: string expected, got Promise"],
    [
      "half a surrogate pair",
      { aString: "\ud83d" },
      ".aString: string expected, got one with half a surrogate pair",
    ],
    ["a text for a number", { anInt32: "5" }, ".anInt32: 32-bit integer expected, got string"],
    ["a fraction", { aSint32: 1.5 }, ".aSint32: 32-bit integer expected, got number 1.5"],
    [
      "a number out of range",
      { anInt32: 2 ** 31 },
      ".anInt32: 32-bit integer expected, got number 2147483648",
    ],
    ["a negative number", { aUint32: -1 }, ".aUint32: unsigned 32-bit integer expected, got number -1"],
    ["a negative 64-bit number", { aUint64: "-1" }, ".aUint64: uint64 expected, got string"],
    ["a 64-bit number out of range", { anInt64: 2n ** 63n }, ".anInt64: int64 expected, got bigint"],
    ["a text that is no number", { anInt64: "12a" }, ".anInt64: int64 expected, got string"],
    ["a number for a bool", { aBool: 1 }, ".aBool: boolean expected, got number"],
    ["a double for a float", { aFloat: 1e300 }, ".aFloat: float expected, got number 1e+300"],
    ["a text that is no double", { aDouble: "x" }, ".aDouble: number expected, got string"],
    [
      "plain text for bytes",
      { someBytes: "not base64!" },
      ".someBytes: Uint8Array or base64 string expected, got",
    ],
    ["an array for bytes", { someBytes: [1, 2] }, ".someBytes: Uint8Array expected, got array"],
    ["an unknown enum name", { color: "GREEN" }, '.color: enum varied.v1.Color has no value named "GREEN"'],
    [
      "an inherited enum name",
      { color: "toString" },
      '.color: enum varied.v1.Color has no value named "toString"',
    ],
  ];
  for (const [what, value, message] of wrong) {
    it(`is not ${what}`, () => {
      expect(() => scalars.encode(value)).to.throw(TypeError, `varied.v1.Scalars${message}`);
    });
  }

  const wrongDeep: [string, Message, string][] = [
    [
      "an element",
      { manyScalars: [{}, { aBool: "no" }] },
      ".manyScalars[1].aBool: boolean expected, got string",
    ],
    ["an absent element", { words: ["a", null] }, ".words[1]: a value expected, got null"],
    [
      "a packed element",
      { numbers: [1, 2, undefined] },
      ".numbers[2]: 32-bit integer expected, got undefined",
    ],
    ["what is no array", { words: "ab" }, ".words: array expected, got string"],
    ["a map value", { texts: { "a b": 1 } }, '.texts["a b"]: string expected, got number'],
    ["a map key", { nestedByNumber: { x: {} } }, '.nestedByNumber["x"]: 32-bit integer expected, got string'],
    ["what is no map", { texts: [] }, ".texts: object expected, got array"],
    ["what is no message", { scalars: "x" }, ".scalars: object expected, got string"],
    [
      "two members of a oneof",
      { word: "", number: 0 },
      ": only one of word and number can be set: they share a oneof",
    ],
    [
      "a type that Any cannot name",
      { any: { "@type": "x.Y" } },
      '.any["@type"]: the schema has no type "x.Y"',
    ],
  ];
  for (const [what, value, message] of wrongDeep) {
    it(`names the path to ${what} that is wrong`, () => {
      expect(() => everything.encode(value)).to.throw(TypeError, `varied.v1.Everything${message}`);
    });
  }

  it("is an object", () => {
    for (const value of [undefined, null, "x", []]) {
      expect(() => scalars.encode(value)).to.throw(/^varied\.v1\.Scalars: object expected, got /);
    }
  });

  it("has the required fields of proto2", () => {
    expect(() => old.encode({ item: [{}] })).to.throw("varied.old.Old.id: is required, and absent");
    expect(() => old.encode({ id: "", item: [{}] })).to.throw("varied.old.Old.item[0].weight: is required");
  });

  it("may be numbers as text, bigint or Long, base64, and NaN", () => {
    const long = { low: -1, high: -1, unsigned: false };
    expect(
      scalar({ anInt64: long, aSint64: -5n, aUint64: 7, someBytes: "AQI=", aDouble: "NaN" }),
    ).to.deep.include({
      anInt64: "-1",
      aSint64: "-5",
      aUint64: "7",
      someBytes: bytes(1, 2),
      aDouble: Number.NaN,
    });
    expect(() => scalar({ aUint64: long })).to.throw("uint64 expected");
  });

  it("sends no field without presence at its default, but minus zero", () => {
    expect(
      scalars.encode({ aString: "", anInt32: 0, aBool: false, aUint64: "0", aDouble: 0 }),
    ).to.have.length(0);
    expect(Object.is(scalar({ aDouble: -0 })["aDouble"], -0)).to.equal(true);
  });

  it("may have a message of a known type for an Any", () => {
    const message = roundTrip({ any: { "@type": "type.googleapis.com/varied.v1.Scalars", aBool: true } });
    const any = message["any"] as { type_url: string; value: Buffer };
    expect(any.type_url).to.equal("type.googleapis.com/varied.v1.Scalars");
    expect(scalars.decode(any.value)).to.include({ aBool: true });
  });

  it("may be of any size, at every length of a length", () => {
    for (const size of [0, 1, 39, 40, 41, 126, 127, 128, 129, 16_383, 16_384, 16_385, 70_000, 2_100_000]) {
      for (const character of ["a", "ä", "☺"]) {
        const aString = character.repeat(size / Buffer.byteLength(character));
        const message = roundTrip({
          recursive: { manyScalars: [{ aString, someBytes: Buffer.from(aString) }] },
        });
        const [element] = (message as { recursive: { manyScalars: Message[] } }).recursive.manyScalars;
        expect(
          element["aString"] === aString && (element["someBytes"] as Buffer).equals(Buffer.from(aString)),
        ).to.equal(true, `${size} bytes of ${character}`);
      }
    }
  });

  it("may encode another message while it is read", () => {
    let inner: Uint8Array = bytes();
    const value = {
      anInt32: 7,
      get aString() {
        inner = scalars.encode({ aBool: true });
        return "outer";
      },
    };
    expect(scalar(value)).to.include({ anInt32: 7, aString: "outer" });
    expect(scalars.decode(inner)).to.include({ aBool: true, anInt32: 0 });
  });

  it("leaves no trace of a message that could not be written", () => {
    expect(() => everything.encode({ scalars: { aString: "lost", aBool: "no" } })).to.throw(TypeError);
    expect(Buffer.from(scalars.encode({ aBool: true }))).to.deep.equal(bytes(0x68, 1));
  });

  it("may not contain itself", () => {
    const circle: Message = {};
    circle["recursive"] = circle;
    expect(() => everything.encode(circle)).to.throw("nested deeper than 100 messages");
  });

  it("is not what every object inherits", () => {
    expect(old.decode(old.encode({ id: "a" }))).to.include({ constructor: "" });
    expect(old.decode(old.encode({ id: "a", constructor: "c" }))).to.include({ constructor: "c" });
  });
});

describe("bytes of a peer that are no message", () => {
  const broken: [string, Buffer][] = [
    ["a tag without its field", bytes(0x08)],
    ["a string that is cut off", bytes(0x72, 5, 0x61)],
    ["a string that is no UTF-8", bytes(0x72, 1, 0xff)],
    ["bytes that are cut off", bytes(0x7a, 2, 0x61)],
    ["a 64-bit number that is cut off", bytes(0x20, 0x80, 0x80, 0x80, 0x80)],
    ["a number that never ends", bytes(0x20, ...Array<number>(11).fill(0x80))],
    ["a fixed number that is cut off", bytes(0x4d, 1, 2, 3)],
    ["a field of number 0", bytes(0x00, 0x01)],
    ["an end of a group that never began", bytes(0x0c)],
    ["a wire type that does not exist", bytes(0x0f)],
    ["an unknown field that is cut off", bytes(0xfa, 0x3f, 9)],
  ];
  for (const [what, message] of broken) {
    it(`are refused: ${what}`, () => {
      expect(() => scalars.decode(message)).to.throw(TypeError, /^These bytes are no varied\.v1\.Scalars: /);
    });
  }

  it("are refused: an embedded message longer than what is around it", () => {
    expect(() => everything.decode(bytes(0x0a, 3, 0x18, 1))).to.throw(TypeError);
    expect(() => everything.decode(bytes(0xb2, 1, 4, 0x0a, 3, 0x18, 1, 0x18))).to.throw(TypeError);
  });

  it("are refused: a required field left out, a group left open", () => {
    expect(() => old.decode(bytes())).to.throw("the required field id is absent");
    expect(() => old.decode(bytes(0x0a, 0, 0x3b, 0x0a, 0))).to.throw("a group has no end");
  });

  it("are taken with the replacement character that the peer itself has sent", () => {
    expect(scalars.decode(bytes(0x72, 3, 0xef, 0xbf, 0xbd))).to.include({ aString: "\ufffd" });
  });

  it("are refused beyond 100 levels, in known and unknown fields, and never overflow the stack", () => {
    expect(everything.decode(nested(100))).to.be.an("object");
    expect(() => everything.decode(nested(102))).to.throw("nested deeper than 100");
    expect(() => everything.decode(nested(20_000))).to.throw("nested deeper than 100");
    expect(() => everything.decode(Buffer.alloc(100_000, 0xcb))).to.throw(TypeError);
    expect(() => everything.decode(Buffer.alloc(100_000, 0x3b))).to.throw(TypeError);
  });

  it("cannot change the prototype of anything with a key __proto__", () => {
    const key = Buffer.from("__proto__");
    const entry = Buffer.concat([bytes(0x0a, key.length), key, bytes(0x12, 4), Buffer.from("evil")]);
    const message = everything.decode(Buffer.concat([bytes(0x4a, entry.length), entry])) as {
      texts: Record<string, string>;
    };
    expect(Object.getPrototypeOf(message.texts)).to.equal(Object.prototype);
    expect(Object.entries(message.texts)).to.deep.equal([["__proto__", "evil"]]);
    expect(({} as Message)["evil"]).to.equal(undefined);
    expect(Buffer.from(everything.encode(message))).to.deep.equal(
      Buffer.concat([bytes(0x4a, entry.length), entry]),
    );
  });
});
