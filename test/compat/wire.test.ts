import { once } from "node:events";
import { type handleUnaryCall, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { metadataOf } from "./support/client.ts";
import { defer } from "./support/defer.ts";
import { deserialize, envelope, type Message, service } from "./support/service.ts";
import { describeTwins, type Twin } from "./support/twins.ts";
import { answerOf } from "./support/wire-client.ts";

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

const wireOf = async (twin: Twin) => (await twin.serve({ unary: echo })).wire();

describeTwins("requests that are no gRPC", (twin) => {
  const requests: [string, Record<string, string | undefined>][] = [
    ["a GET of the root", { ":method": "GET", ":path": "/", "content-type": undefined, te: undefined }],
    ["a POST without a content-type", { "content-type": undefined }],
    ["a POST of JSON", { "content-type": "application/json" }],
    ["a content-type that only looks like it", { "content-type": "application/grp" }],
    ["a content-type in another place", { "content-type": "text/application/grpc" }],
  ];
  for (const [what, headers] of requests) {
    it(`are answered by 415: ${what}`, async () => {
      const defined = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
      const { session } = await wireOf(twin);
      const base = { ":method": "POST", ":path": service.Unary.path };
      const stream = session.request({ ...base, ...defined }, { endStream: true });
      const answer = await answerOf(stream);
      expect([answer.headers[":status"], answer.body.length]).to.deep.equal([415, 0]);
    });
  }

  it("are gRPC-Web's business, if they are that", async () => {
    const { request } = await wireOf(twin);
    const answer = await request({ "content-type": "application/grpc-web" }, envelope({ text: "a" }));
    expect(answer.headers[":status"]).to.equal(
      twin.expected({
        grpcJs: 200,
        ours: 415,
        why: "gRPC-Web frames its trailers otherwise; an answer in gRPC is of no use to it",
      }),
    );
  });

  it("leave the connection for others", async () => {
    const { request } = await wireOf(twin);
    await request({ "content-type": "text/plain" });
    expect((await request({}, envelope({ text: "a" }))).trailers?.["grpc-status"]).to.equal("0");
  });
});

describeTwins("content types of gRPC", (twin) => {
  for (const type of ["application/grpc", "application/grpc+proto"]) {
    it(`are taken: ${type}`, async () => {
      const { request } = await wireOf(twin);
      const answer = await request({ "content-type": type }, envelope({ text: "a" }));
      expect([answer.headers[":status"], answer.trailers?.["grpc-status"]]).to.deep.equal([200, "0"]);
    });
  }

  it("are answered in kind", async () => {
    const { request } = await wireOf(twin);
    const answer = await request({ "content-type": "application/grpc+proto" }, envelope({ text: "a" }));
    expect(answer.headers["content-type"]).to.equal("application/grpc+proto");
  });

  it("are answered as grpc-js does, when the codec is left out", async () => {
    const { request } = await wireOf(twin);
    const answer = await request({ "content-type": "application/grpc" }, envelope({ text: "a" }));
    expect(answer.headers["content-type"]).to.equal("application/grpc+proto");
  });
});

describeTwins("an answer", (twin) => {
  it("has headers, one message, and trailers", async () => {
    const { request } = await wireOf(twin);
    const { headers, body, trailers } = await request({}, envelope({ text: "a" }));
    expect(headers[":status"]).to.equal(200);
    expect([body[0], body.readUInt32BE(1), deserialize(body.subarray(5))]).to.deep.equal([
      0,
      body.length - 5,
      { text: "a" },
    ]);
    expect([trailers?.["grpc-status"], trailers?.["grpc-message"] || "OK"]).to.deep.equal(["0", "OK"]);
  });

  it("says which encodings the server can read", async () => {
    const { request } = await wireOf(twin);
    const { headers } = await request({}, envelope({ text: "a" }));
    const encodings = String(headers["grpc-accept-encoding"]).split(",").sort();
    expect(encodings).to.deep.equal(["deflate", "gzip", "identity"]);
  });

  it("has all its parts in one block of headers when it is an error", async () => {
    const { request } = await (
      await twin.serve({
        unary: (_call, callback) =>
          callback({ code: status.ABORTED, details: "no", metadata: metadataOf({ own: "1" }) }),
      })
    ).wire();
    const { headers, body, trailers } = await request({}, envelope({ text: "a" }));
    expect([
      headers[":status"],
      headers["grpc-status"],
      headers["grpc-message"],
      headers["own"],
    ]).to.deep.equal([200, "10", "no", "1"]);
    expect([body.length, trailers]).to.deep.equal([0, null]);
  });

  it("has no headers before the handler has anything to say", async () => {
    const begun = defer<() => void>();
    const { open } = await (
      await twin.serve({
        unary: (call, callback) =>
          begun.resolve(() => {
            call.sendMetadata(metadataOf({ own: "1" }));
            callback(null, call.request);
          }),
      })
    ).wire();
    const stream = open();
    stream.end(envelope({ text: "a" }));
    let hasAnswered = false;
    stream.once("response", () => {
      hasAnswered = true;
    });
    const say = await begun.promise;
    expect(hasAnswered).to.equal(false);
    const response = once(stream, "response");
    stream.resume();
    say();
    expect((await response)[0]["own"]).to.equal("1");
  });

  it("escapes what may not be in a header", async () => {
    const { request } = await (
      await twin.serve({ unary: (_call, callback) => callback({ code: 3, details: "naïve ✓ 50%\n" }) })
    ).wire();
    const { headers } = await request({}, envelope({ text: "a" }));
    const text = String(headers["grpc-message"]);
    expect(text).to.match(/^[\x20-\x7e]+$/);
    expect(decodeURI(text)).to.equal("naïve ✓ 50%\n");
  });

  it("writes bytes of metadata in base64", async () => {
    const { request } = await (
      await twin.serve({
        unary: (call, callback) => {
          call.sendMetadata(metadataOf({ "own-bin": Buffer.from([1, 2, 3, 250]) }));
          callback(null, call.request);
        },
      })
    ).wire();
    const { headers } = await request({}, envelope({ text: "a" }));
    expect(Buffer.from(String(headers["own-bin"]), "base64")).to.deep.equal(Buffer.from([1, 2, 3, 250]));
  });

  it("ends the stream while the client has more to send", async () => {
    const { open } = await (
      await twin.serve({ clientStream: (_call, callback) => callback({ code: 9, details: "enough" }) })
    ).wire();
    const stream = open({ ":path": service.ClientStream.path });
    stream.write(envelope({ text: "a" }));
    const [headers] = await once(stream, "response");
    expect(headers["grpc-status"]).to.equal("9");
    stream.close();
  });
});

describeTwins("requests of gRPC that are broken", (twin) => {
  it("are UNIMPLEMENTED when there is no such method", async () => {
    const { request } = await wireOf(twin);
    const { headers, trailers } = await request({ ":path": "/no/such" }, envelope({ text: "a" }));
    expect([headers[":status"], headers["grpc-status"], trailers]).to.deep.equal([200, "12", null]);
    expect(decodeURI(String(headers["grpc-message"]))).to.equal(
      "The server does not implement the method /no/such",
    );
  });

  for (const path of ["/", "/twin.Test", "/twin.Test/", "//twin.Test/Unary", "/twin.Test/Unary/"]) {
    it(`are UNIMPLEMENTED by path ${path}`, async () => {
      const { request } = await wireOf(twin);
      const { headers } = await request({ ":path": path }, envelope({ text: "a" }));
      expect([headers[":status"], headers["grpc-status"]]).to.deep.equal([200, "12"]);
    });
  }

  it("may come a byte at a time", async () => {
    const { open } = await wireOf(twin);
    const stream = open();
    const answer = answerOf(stream);
    for (const byte of envelope({ text: "a" })) {
      await new Promise((resolve) => stream.write(Buffer.from([byte]), resolve));
    }
    stream.end();
    const { body } = await answer;
    expect(deserialize(body.subarray(5))).to.deep.equal({ text: "a" });
  });

  it("may come in one frame with others of their stream", async () => {
    const texts: string[] = [];
    const { request } = await (
      await twin.serve({
        clientStream: (call, callback) => {
          call.on("data", ({ text }: Message) => texts.push(text));
          call.on("end", () => callback(null, { text: "" }));
        },
      })
    ).wire();
    const body = Buffer.concat(["a", "b", "c", "d"].map((text) => envelope({ text })));
    const answer = await request({ ":path": service.ClientStream.path }, body);
    expect([answer.trailers?.["grpc-status"], texts]).to.deep.equal(["0", ["a", "b", "c", "d"]]);
  });

  it("need no te header", async () => {
    const { session } = await wireOf(twin);
    const stream = session.request({
      ":method": "POST",
      ":path": service.Unary.path,
      "content-type": "application/grpc",
    });
    stream.end(envelope({ text: "a" }));
    expect((await answerOf(stream)).trailers?.["grpc-status"]).to.equal("0");
  });

  it("cancel their handler when they are reset", async () => {
    const begun = defer();
    const cancelled = defer();
    const { open } = await (
      await twin.serve({
        unary: (call) => {
          call.on("cancelled", () => cancelled.resolve());
          begun.resolve();
        },
      })
    ).wire();
    const stream = open();
    stream.end(envelope({ text: "a" }));
    await begun.promise;
    stream.close(8);
    await cancelled.promise;
  });
});
