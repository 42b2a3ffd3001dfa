import { expect } from "chai";
import {
  findBadBinary,
  isReserved,
  Metadata,
  metadataFromFields,
  metadataToFields,
} from "../../src/rpc/metadata.ts";

const bytes = (...values: number[]) => Buffer.from(values);

describe("Metadata", () => {
  it("keeps several values of a key in order, under any case of it", () => {
    const metadata = new Metadata([["X-Key", "one"]]);
    metadata.append("x-key", "two");
    expect(metadata.get("x-KEY")).to.equal("one");
    expect(metadata.getAll("x-key")).to.deep.equal(["one", "two"]);
    expect([...metadata]).to.deep.equal([
      ["x-key", "one"],
      ["x-key", "two"],
    ]);
  });

  it("replaces with set, and forgets with delete", () => {
    const metadata = new Metadata([
      ["a", "1"],
      ["a", "2"],
    ]);
    metadata.set("A", "3");
    expect(metadata.getAll("a")).to.deep.equal(["3"]);
    metadata.delete("A");
    expect(metadata.has("a")).to.equal(false);
    expect(metadata.isEmpty).to.equal(true);
    expect(metadata.get("a")).to.equal(undefined);
    expect(metadata.getAll("a")).to.deep.equal([]);
  });

  it("takes no name that an object has by birth for a key", () => {
    const metadata = new Metadata([["constructor", "x"]]);
    expect(metadata.get("constructor")).to.equal("x");
    expect(new Metadata().get("__proto__")).to.equal(undefined);
    expect(new Metadata().has("tostring")).to.equal(false);
  });

  for (const key of ["", "a b", "a:b", ":path", "ä", "a\n", "a/b"]) {
    it(`refuses the key ${JSON.stringify(key)}`, () => {
      expect(() => new Metadata([[key, "1"]])).to.throw(TypeError, "letters, digits");
    });
  }

  for (const key of ["grpc-status", "grpc-timeout", "TE", "content-type", "host", "connection"]) {
    it(`refuses the reserved key ${key}`, () => {
      expect(() => new Metadata().set(key, "1")).to.throw(TypeError, "reserved");
      expect(isReserved(key.toLowerCase())).to.equal(true);
    });
  }

  for (const value of ["a\nb", "a\rb", "a\0b", "ä", "\x7f", "\t"]) {
    it(`refuses the value ${JSON.stringify(value)}, which could end a header field`, () => {
      expect(() => new Metadata().append("a", value)).to.throw(TypeError, "printable ASCII");
    });
  }

  it("wants bytes under a -bin key and text under the others", () => {
    expect(() => new Metadata().set("a-bin", "text")).to.throw(TypeError, "takes bytes");
    expect(() => new Metadata().set("a", bytes(1))).to.throw(TypeError, "takes a string");
    expect(() => new Metadata().set("a", 1 as unknown as string)).to.throw(TypeError);
  });
});

describe("metadata on the wire", () => {
  it("leaves out the fields of HTTP and of gRPC", () => {
    const fields = ["te", "trailers", "content-type", "application/grpc", "grpc-timeout", "1S", "x-a", "1"];
    expect([...metadataFromFields(fields)]).to.deep.equal([["x-a", "1"]]);
  });

  it("decodes padded and unpadded base64, in both alphabets", () => {
    const fields = ["a-bin", "+/8=", "a-bin", "+/8", "a-bin", "-_8", "a-bin", ""];
    expect(
      metadataFromFields(fields)
        .getAll("a-bin")
        .map((value) => Buffer.from(value as Uint8Array)),
    ).to.deep.equal([bytes(0xfb, 0xff), bytes(0xfb, 0xff), bytes(0xfb, 0xff), bytes()]);
  });

  it("splits a -bin value at commas before it decodes", () => {
    const values = metadataFromFields(["a-bin", "AQ==,Ag , AwQ"]).getAll("a-bin");
    expect(values.map((value) => [...(value as Uint8Array)])).to.deep.equal([[1], [2], [3, 4]]);
  });

  it("keeps a comma of a text value", () => {
    expect(metadataFromFields(["a", "1,2"]).getAll("a")).to.deep.equal(["1,2"]);
  });

  it("finds what is no base64", () => {
    for (const good of ["", "AQ", "AQ==", "AQI=", "AQID", "AQ,Ag==", "_-"]) {
      expect(findBadBinary(["a-bin", good]), good).to.equal(null);
    }
    for (const bad of ["A", "AQIDB", "A Q", "A=Q", "AQ===", "ä", "AQ;Ag", "%%%"]) {
      expect(findBadBinary(["x", "!", "a-bin", bad]), bad).to.equal("a-bin");
    }
  });

  it("sends bytes as unpadded base64 and text as it is", () => {
    const fields: string[] = [];
    metadataToFields(
      new Metadata([
        ["a-bin", bytes(1)],
        ["a-bin", bytes()],
        ["b", "x=="],
      ]),
      fields,
    );
    expect(fields).to.deep.equal(["a-bin", "AQ", "a-bin", "", "b", "x=="]);
  });
});
