import { expect } from "chai";
import type { MethodKind } from "../../src/schema/types.ts";
import { data, Flag, headers, requestFields } from "../support/frames.ts";
import { GrpcPeer, message, prefix } from "../support/grpc-peer.ts";
import { TestHost, textMethod } from "../support/test-host.ts";

const hello = textMethod("unary", (name) => `Hello, ${name}`);
const kinds: readonly MethodKind[] = ["unary", "server-stream", "client-stream", "bidi"];

/** A server of one method of each kind; the streaming ones read everything and answer nothing. */
function everyKind(host = new TestHost()): GrpcPeer {
  const read = async (requests: unknown) => {
    for await (const _request of requests as AsyncIterable<string>);
  };
  return new GrpcPeer(
    [
      textMethod("unary", () => "", "unary"),
      textMethod("server-stream", () => [], "server-stream"),
      textMethod("client-stream", (requests) => read(requests).then(() => ""), "client-stream"),
      textMethod("bidi", (requests) => read(requests).then(() => []), "bidi"),
    ],
    { host },
  );
}

/** A call right after, on the same connection, must succeed. */
async function expectAlive(peer: GrpcPeer): Promise<void> {
  peer.host.methods.push(textMethod("unary", () => "alive", "Alive"));
  const { messages } = await peer.call(message(""), [], "/test.Test/Alive");
  expect(messages).to.deep.equal(["alive"]);
}

function withoutContentType(path = "/test.Test/Method", more: readonly string[] = []): string[] {
  return requestFields(path, ["te", "trailers", ...more]);
}

describe("gRPC answers a head that is not as it should be", () => {
  let peer: GrpcPeer;
  beforeEach(() => {
    peer = new GrpcPeer([hello]);
  });
  afterEach(() => expectAlive(peer));

  it("absent content-type: 415, with grpc-status, then a reset without prejudice", async () => {
    const { headers, isEnded, reset } = await peer.answer(peer.openWith(withoutContentType()));
    expect(headers).to.include({ ":status": "415", "grpc-status": "3" });
    expect(isEnded).to.equal(true);
    expect(reset).to.equal("NO_ERROR");
  });

  it("what it echoes is cut: an answer is no many times as long as its request", async () => {
    const path = `/${"%".repeat(3900)}`;
    const { headers } = await peer.answer(
      peer.openWith(requestFields(path, ["content-type", "application/grpc"])),
    );
    expect(headers["grpc-status"]).to.equal("12");
    expect(headers["grpc-message"].length).to.be.lessThan(600);
    const { body } = await peer.answer(peer.openWith(requestFields(path, [], "GET"), true));
    expect(body.length).to.be.lessThan(600);
  });

  for (const type of ["image/jpeg", "application/json", "application/grpc-web", "application/grpcx", ""]) {
    it(`content-type "${type}": 415 with a text that says what is wanted`, async () => {
      const fields = withoutContentType("/test.Test/Method", ["content-type", type]);
      const { headers, body } = await peer.answer(peer.openWith(fields, true));
      expect(headers).to.include({ ":status": "415", "grpc-status": "3" });
      expect(body).to.contain("/test.Test/Method is a gRPC method");
    });
  }

  for (const type of ["application/grpc+foo", "application/grpc+json", "application/grpc+"]) {
    it(`content-type "${type}", an unknown codec: 415`, async () => {
      const fields = withoutContentType("/test.Test/Method", ["content-type", type]);
      const { headers, reset } = await peer.answer(peer.openWith(fields));
      expect(headers).to.include({ ":status": "415", "grpc-status": "13" });
      expect(headers["grpc-message"]).to.contain(type);
      expect(reset).to.equal("NO_ERROR");
    });
  }

  for (const [type, answered] of [
    ["application/grpc", "application/grpc"],
    ["application/grpc+proto", "application/grpc+proto"],
    ["application/grpc; charset=utf-8", "application/grpc"],
    ["Application/GRPC+Proto ;a=b", "application/grpc+proto"],
  ]) {
    it(`content-type "${type}": served as ${answered}`, async () => {
      const streamId = peer.openWith(withoutContentType("/test.Test/Method", ["content-type", type]));
      const { headers, trailers } = await peer.sendLast(streamId, message("you")).answer(streamId);
      expect(headers).to.deep.equal({
        ":status": "200",
        "content-type": answered,
        "grpc-accept-encoding": "identity,gzip,deflate",
      });
      expect(trailers).to.deep.equal({ "grpc-status": "0" });
    });
  }

  for (const method of ["GET", "PUT", "HEAD", "OPTIONS", "post"]) {
    it(`:method ${method}: 405 with status 13`, async () => {
      const fields = requestFields("/test.Test/Method", ["content-type", "application/grpc"], method);
      const { headers } = await peer.answer(peer.openWith(fields, true));
      expect(headers).to.include({ ":status": "405", "grpc-status": "13" });
    });
  }

  const paths = [
    "test.Test/Method",
    "/",
    "//test.Test/Method",
    "/test.Test/Method/",
    "/test.Test",
    "*",
    "/test.Test/method",
  ];
  for (const path of [
    ...paths,
    "/test.Test/Method?a=b",
    "/constructor",
    "/__proto__",
    "/%74est.Test/Method",
  ]) {
    it(`path "${path}": status 12`, async () => {
      const { headers, trailers } = await peer.call(message("you"), [], path);
      expect(headers).to.include({ ":status": "200", "grpc-status": "12" });
      expect(trailers).to.equal(null);
    });
  }

  for (const [what, fields] of Object.entries({
    "an empty :path": requestFields(""),
    "two :path": [":path", "/", ...requestFields()],
    "no :method": requestFields().slice(2),
    "no :scheme": requestFields().filter((_, i) => i !== 2 && i !== 3),
    "an upper-case name": requestFields("/test.Test/Method", ["X-Upper", "1"]),
    "a connection field": requestFields("/test.Test/Method", ["connection", "close"]),
    "te: gzip": requestFields("/test.Test/Method", ["te", "gzip"]),
  })) {
    it(`${what}: the stream is reset with PROTOCOL_ERROR`, async () => {
      const { headers, reset } = await peer.answer(peer.openWith(fields));
      expect(headers).to.deep.equal({});
      expect(reset).to.equal("PROTOCOL_ERROR");
    });
  }

  it("te missing: accepted", async () => {
    const streamId = peer.openWith(requestFields("/test.Test/Method", ["content-type", "application/grpc"]));
    expect((await peer.sendLast(streamId, message("you")).answer(streamId)).messages).to.deep.equal([
      "Hello, you",
    ]);
  });

  for (const [what, more] of Object.entries({ ":authority": [":authority", "test"], host: [] })) {
    it(`two of ${what}: 400 with status 13`, async () => {
      const hosts = what === "host" ? ["host", "test", "host", "test"] : [];
      const fields = [
        ...more,
        ...requestFields("/test.Test/Method", ["content-type", "application/grpc", ...hosts]),
      ];
      const { headers, isEnded } = await peer.answer(peer.openWith(fields));
      expect(headers).to.include({ ":status": "400", "grpc-status": "13" });
      expect(isEnded).to.equal(true);
    });
  }

  it("neither :authority nor host: accepted, with an empty authority", async () => {
    peer.host.methods.push(textMethod("unary", (_request, call) => `"${call.authority}"`, "Authority"));
    const fields = [":method", "POST", ":scheme", "http", ":path", "/test.Test/Authority"];
    const streamId = peer.openWith([...fields, "content-type", "application/grpc"]);
    expect((await peer.sendLast(streamId, message("")).answer(streamId)).messages).to.deep.equal(['""']);
  });

  for (const timeout of ["", "1", "S", "-1S", "1.5S", "123456789S", "1x", "1s", "x1S", "1 S", "1Ss"]) {
    it(`grpc-timeout "${timeout}": 400 with status 13`, async () => {
      const { headers } = await peer.answer(peer.open(["grpc-timeout", timeout]));
      expect(headers).to.include({ ":status": "400", "grpc-status": "13" });
      expect(headers["grpc-message"]).to.contain("malformed grpc-timeout");
    });
  }

  for (const timeout of ["0S", "0n", "00000000H"]) {
    it(`grpc-timeout ${timeout}: status 4, and no handler runs`, async () => {
      peer.host.methods.push(textMethod("unary", () => expect.fail("the handler ran"), "Never"));
      const { headers } = await peer.call(message("you"), ["grpc-timeout", timeout], "/test.Test/Never");
      expect(headers).to.include({ ":status": "200", "grpc-status": "4" });
    });
  }

  it("grpc-timeout 99999999H: a deadline in eleven thousand years, not in a millisecond", async () => {
    peer.host.methods.push(
      textMethod("unary", (_request, call) => String(Math.round(call.timeLeftMs / 3_600_000)), "Left"),
    );
    const { messages } = await peer.call(message(""), ["grpc-timeout", "99999999H"], "/test.Test/Left");
    expect(messages).to.deep.equal(["99999999"]);
    expect(peer.host.deadlines.size).to.equal(0);
  });

  for (const value of ["A", "!!!!", "AQIDB", "AQ==,%"]) {
    it(`a -bin field "${value}", which is no base64: 400 with status 13`, async () => {
      const { headers } = await peer.call(message("you"), ["x-bytes-bin", value]);
      expect(headers).to.include({ ":status": "400", "grpc-status": "13" });
      expect(headers["grpc-message"]).to.contain("x-bytes-bin");
    });
  }

  for (const value of ["AQI=", "AQI"]) {
    it(`a -bin field "${value}": accepted and sent back unpadded`, async () => {
      const handler = (
        _request: unknown,
        call: {
          metadata: Iterable<[string, unknown]>;
          trailers: { append(key: string, value: Uint8Array): void };
        },
      ) => {
        for (const [key, bytes] of call.metadata) call.trailers.append(key, bytes as Uint8Array);
        return "";
      };
      peer.host.methods.push(textMethod("unary", handler, "Echo"));
      const { trailers } = await peer.call(message(""), ["x-bytes-bin", `${value},Aw==`], "/test.Test/Echo");
      expect(trailers).to.deep.equal({ "grpc-status": "0", "x-bytes-bin": "Aw" });
    });
  }

  it("an unknown grpc-encoding: status 12 and the encodings there are", async () => {
    const { headers } = await peer.call(message("you"), ["grpc-encoding", "snappy"]);
    expect(headers).to.include({
      ":status": "200",
      "grpc-status": "12",
      "grpc-accept-encoding": "identity,gzip,deflate",
    });
    expect(headers["grpc-message"]).to.contain("snappy");
  });

  it("grpc-encoding identity: accepted", async () => {
    expect((await peer.call(message("you"), ["grpc-encoding", "identity"])).messages).to.deep.equal([
      "Hello, you",
    ]);
  });

  it("headers over the limit: 431 with status 8", async () => {
    const { headers, isEnded } = await peer.answer(peer.open(["x-large", "a".repeat(16 * 1024)]));
    expect(headers).to.include({ ":status": "431", "grpc-status": "8" });
    expect(isEnded).to.equal(true);
  });
});

for (const kind of kinds) {
  describe(`a ${kind} call answers a body that is not as it should be`, () => {
    const path = `/test.Test/${kind}`;
    let peer: GrpcPeer;
    beforeEach(() => {
      peer = everyKind(new TestHost({ maxReceiveBytes: 100 }));
    });
    afterEach(() => expectAlive(peer));

    async function expectStatus(
      status: string,
      body: Uint8Array,
      more: readonly string[] = [],
    ): Promise<string> {
      const { headers, trailers } = await peer.call(body, more, path);
      const end = trailers ?? headers;
      expect(headers[":status"]).to.equal("200");
      expect(end["grpc-status"]).to.equal(status);
      return end["grpc-message"];
    }

    for (const flag of [2, 3, 128, 255]) {
      it(`flag byte ${flag}: status 13`, async () => {
        const text = await expectStatus("13", message("you", flag));
        expect(text).to.equal(`Unexpected payload format ${flag}`);
      });
    }

    it("compressed flag without grpc-encoding: status 13", async () => {
      await expectStatus("13", message("you", 1));
    });

    it("compressed flag with grpc-encoding identity: status 13", async () => {
      await expectStatus("13", message("you", 1), ["grpc-encoding", "identity"]);
    });

    it("a message of the limit less one, and of the limit: served", async () => {
      await expectStatus("0", message("a".repeat(99)));
      await expectStatus("0", message("a".repeat(100)));
    });

    it("a message of the limit and one: status 8", async () => {
      expect(await expectStatus("8", message("a".repeat(101)))).to.equal(
        "Received message larger than max (101 vs 100)",
      );
    });

    it("a length over the limit: status 8 at the prefix, before the message comes", async () => {
      const streamId = peer.open([], path);
      const { headers, trailers, reset } = await peer.send(streamId, prefix(0xffff_ffff)).answer(streamId);
      expect((trailers ?? headers)["grpc-status"]).to.equal("8");
      expect(reset).to.equal("NO_ERROR");
    });

    it("a length over the limit in a prefix that comes in two parts: status 8", async () => {
      const streamId = peer.open([], path);
      const bytes = prefix(101);
      peer.send(streamId, bytes.subarray(0, 3));
      const { headers } = await peer.send(streamId, bytes.subarray(3)).answer(streamId);
      expect(headers["grpc-status"]).to.equal("8");
    });

    for (const cut of [1, 4, 5, 7]) {
      it(`a body that ends after ${cut} bytes of a message of 8: status 13`, async () => {
        await expectStatus("13", message("you").subarray(0, cut));
      });
    }

    it("bytes that are no message: status 13, with nothing of the inside", async () => {
      const text = await expectStatus("13", message("\xff"));
      expect(text).to.not.contain("SECRET");
    });

    it("trailers behind the messages: served", async () => {
      const streamId = peer.open([], path);
      peer.send(streamId, message("you"));
      peer.peer.send(headers(streamId, ["x-trailer", "1"]));
      const { headers: head, trailers } = await peer.answer(streamId);
      expect((trailers ?? head)["grpc-status"]).to.equal("0");
    });

    it("the end of the body in an empty frame: served", async () => {
      const streamId = peer.open([], path);
      const { headers, trailers } = await peer
        .send(streamId, message("you"))
        .sendLast(streamId)
        .answer(streamId);
      expect((trailers ?? headers)["grpc-status"]).to.equal("0");
    });

    it("bytes one at a time: served", async () => {
      const streamId = peer.open([], path);
      const frames = [...message("you")].map((byte) => data(streamId, Buffer.from([byte])));
      peer.peer.sendByteByByte(...frames, data(streamId, "", Flag.END_STREAM));
      const { headers, trailers } = await peer.answer(streamId);
      expect((trailers ?? headers)["grpc-status"]).to.equal("0");
    });
  });
}

for (const kind of ["unary", "server-stream"] as const) {
  describe(`a ${kind} call of another number of messages than one`, () => {
    it("none, as an empty body: status 12", async () => {
      const peer = everyKind();
      expect((await peer.call(Buffer.alloc(0), [], `/test.Test/${kind}`)).headers["grpc-status"]).to.equal(
        "12",
      );
    });

    it("none, as HEADERS that end the stream: status 12", async () => {
      const peer = everyKind();
      const fields = requestFields(`/test.Test/${kind}`, ["content-type", "application/grpc"]);
      expect((await peer.answer(peer.openWith(fields, true))).headers["grpc-status"]).to.equal("12");
    });

    it("two: status 12", async () => {
      const peer = everyKind();
      const body = Buffer.concat([message("a"), message("b")]);
      expect((await peer.call(body, [], `/test.Test/${kind}`)).headers["grpc-status"]).to.equal("12");
    });
  });
}
