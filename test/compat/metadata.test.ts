import { type handleUnaryCall, Metadata, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { metadataOf, valuesOf } from "./support/client.ts";
import { envelope, type Message } from "./support/service.ts";
import { describeTwins, type Twin } from "./support/twins.ts";

type Call = ServerUnaryCall<Message, Message>;

/** A server whose handler asks its call something, and what it has heard. */
async function asking<T>(twin: Twin, question: (call: Call) => T) {
  const heard: T[] = [];
  const unary: handleUnaryCall<Message, Message> = (call, callback) => {
    heard.push(question(call));
    callback(null, call.request);
  };
  return { heard, served: await twin.serve({ unary }) };
}

describeTwins("metadata of a request", (twin) => {
  it("comes to the handler", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => metadata.get("x-own"));
    await served.client.unary({ text: "" }, { metadata: metadataOf({ "x-own": "value" }) });
    expect(heard).to.deep.equal([["value"]]);
  });

  it("is of grpc-js's own class", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => metadata instanceof twin.grpc.Metadata);
    await served.client.unary();
    expect(heard).to.deep.equal([true]);
  });

  it("joins several values of a key", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => metadata.get("x-own"));
    await served.client.unary({ text: "" }, { metadata: metadataOf({ "x-own": ["a", "b", "c"] }) });
    expect(heard).to.deep.equal([["a, b, c"]]);
  });

  it("keeps several values of bytes apart", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => metadata.get("x-bin"));
    const metadata = new Metadata();
    const [first, second] = [Buffer.from([1, 2, 3]), Buffer.from([255, 0])];
    metadata.add("x-bin", first);
    metadata.add("x-bin", second);
    await served.client.unary({ text: "" }, { metadata });
    expect(heard).to.deep.equal([[first, second]]);
  });

  for (const [what, header] of [
    ["padded", "AQIDBA=="],
    ["unpadded", "AQIDBA"],
  ]) {
    it(`takes ${what} base64`, async () => {
      const { heard, served } = await asking(twin, ({ metadata }) => metadata.get("x-bin"));
      await (await served.wire()).request({ "x-bin": header }, envelope({ text: "" }));
      expect(heard).to.deep.equal([[Buffer.from([1, 2, 3, 4])]]);
    });
  }

  it("splits bytes at commas", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => metadata.get("x-bin"));
    await (await served.wire()).request({ "x-bin": "AQ==, Ag==,Aw" }, envelope({ text: "" }));
    expect(heard).to.deep.equal([[Buffer.from([1]), Buffer.from([2]), Buffer.from([3])]]);
  });

  it("leaves out what is the protocol's", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => Object.keys(metadata.getMap()).sort());
    const headers = {
      "grpc-timeout": "10S",
      "grpc-encoding": "identity",
      "grpc-accept-encoding": "gzip",
      "accept-encoding": "gzip",
      authorization: "Bearer x",
      "user-agent": "test",
      "x-own": "value",
    };
    await (await served.wire()).request(headers, envelope({ text: "" }));
    expect(heard).to.deep.equal([["authorization", "user-agent", "x-own"]]);
  });

  it("tells of the client's program", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => metadata.get("user-agent"));
    await served.client.unary();
    expect(String(heard[0])).to.match(/^grpc-node-js\//);
  });

  it("keeps other keys that begin with grpc-", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => valuesOf(metadata)["grpc-trace-bin"]);
    await (await served.wire()).request({ "grpc-trace-bin": "AQ" }, envelope({ text: "" }));
    expect(heard).to.deep.equal([[Buffer.from([1])]]);
  });

  it("is the handler's own to change", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => {
      const before = metadata.get("x-own");
      metadata.set("x-own", "changed");
      metadata.set("x-more", "more");
      return [before, metadata.get("x-own"), metadata.get("x-more")];
    });
    for (const value of ["1", "2"]) {
      const { headers, trailers } = await served.client.unary(
        { text: "" },
        { metadata: metadataOf({ "x-own": value }) },
      );
      expect([headers, trailers]).to.deep.equal([{}, {}]);
    }
    expect(heard).to.deep.equal([
      [["1"], ["changed"], ["more"]],
      [["2"], ["changed"], ["more"]],
    ]);
  });

  it("is the same object each time it is asked for", async () => {
    const { heard, served } = await asking(twin, (call) => [call.metadata, call.metadata]);
    await served.client.unary();
    expect(heard[0]?.[0]).to.equal(heard[0]?.[1]);
  });

  it("may be large", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => String(metadata.get("x-own")).length);
    await served.client.unary({ text: "" }, { metadata: metadataOf({ "x-own": "v".repeat(7000) }) });
    expect(heard).to.deep.equal([7000]);
  });

  it("may have many keys", async () => {
    const { heard, served } = await asking(twin, ({ metadata }) => metadata.get("x-49"));
    const metadata = new Metadata();
    for (let index = 0; index < 50; index++) metadata.set(`x-${index}`, String(index));
    await served.client.unary({ text: "" }, { metadata });
    expect(heard).to.deep.equal([["49"]]);
  });
});

describeTwins("metadata of an answer", (twin) => {
  it("has several values of a key, and bytes", async () => {
    const bytes = Buffer.from([0, 200]);
    const metadata = metadataOf({ "x-own": ["a", "b"], "x-bin": bytes });
    const { client } = await twin.serve({
      unary: (call, callback) => {
        call.sendMetadata(metadata);
        callback(null, call.request, metadata);
      },
    });
    const { headers, trailers } = await client.unary();
    const expected = { "x-own": ["a, b"], "x-bin": [bytes] };
    expect([headers, trailers]).to.deep.equal([expected, expected]);
  });

  it("may be changed by the handler afterwards, without effect", async () => {
    const { client } = await twin.serve({
      unary: (call, callback) => {
        const metadata = metadataOf({ "x-own": "before" });
        call.sendMetadata(metadata);
        metadata.set("x-own", "behind");
        callback(null, call.request);
      },
    });
    expect((await client.unary()).headers).to.deep.equal({ "x-own": ["before"] });
  });

  it("is not mixed up between calls", async () => {
    const { client } = await twin.serve({
      unary: (call, callback) => {
        call.sendMetadata(metadataOf({ "x-own": call.request.text }));
        callback(null, call.request, metadataOf({ "x-end": call.request.text }));
      },
    });
    const texts = ["a", "b", "c", "d"];
    const outcomes = await Promise.all(texts.map((text) => client.unary({ text })));
    expect(outcomes.map(({ headers, trailers }) => ({ ...headers, ...trailers }))).to.deep.equal(
      texts.map((text) => ({ "x-own": [text], "x-end": [text] })),
    );
  });

  it("comes at once without headers when there is an error", async () => {
    const { client } = await twin.serve({
      unary: (_call, callback) => callback({ code: status.ABORTED, metadata: metadataOf({ end: "1" }) }),
    });
    const { headers, trailers } = await client.unary();
    expect([headers, trailers]).to.deep.equal([null, { end: ["1"] }]);
  });

  it("may be sent to a stream before anything else, and is sent once", async () => {
    const { client } = await twin.serve({
      bidi: (call) => {
        call.sendMetadata(metadataOf({ number: "1" }));
        call.write({ text: "" });
        call.sendMetadata(metadataOf({ number: "2" }));
        call.end();
      },
    });
    expect((await client.bidi([])).headers).to.deep.equal({ number: ["1"] });
  });

  it("may be of another copy's class, which looks the same", async () => {
    class Lookalike extends Metadata {}
    const metadata = new Lookalike();
    metadata.set("x-own", "value");
    const { client } = await twin.serve({
      unary: (call, callback) => {
        call.sendMetadata(metadata);
        callback(null, call.request, metadata);
      },
    });
    const { headers, trailers } = await client.unary();
    expect([headers, trailers]).to.deep.equal([{ "x-own": ["value"] }, { "x-own": ["value"] }]);
  });
});
