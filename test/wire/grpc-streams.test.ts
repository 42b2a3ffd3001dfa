import { expect } from "chai";
import { RpcError, StatusCode } from "../../src/rpc/status.ts";
import { headers, requestFields } from "../support/frames.ts";
import { GrpcPeer, message } from "../support/grpc-peer.ts";
import { textMethod } from "../support/test-host.ts";

const hello = textMethod("unary", (name) => `Hello, ${name}`);

describe("gRPC on streams that may not be", () => {
  for (const [what, streamId] of Object.entries({ even: 2, lower: 1, "used again": 3 })) {
    it(`an id that is ${what} ends the connection with PROTOCOL_ERROR or STREAM_CLOSED`, async () => {
      const peer = new GrpcPeer([hello]);
      peer.peer.send(headers(3, requestFields("/test.Test/Method", ["content-type", "application/grpc"])));
      peer.peer.receiveAll();
      peer.peer.send(headers(streamId, requestFields()));
      const frame = peer.peer.receiveAll().at(-1);
      expect(frame?.type).to.equal("GOAWAY");
      expect(frame?.code).to.be.oneOf(["PROTOCOL_ERROR", "STREAM_CLOSED"]);
    });
  }

  it("more streams than the limit: REFUSED_STREAM, and no handler runs", async () => {
    const never = textMethod("bidi", () => new Promise(() => {}));
    const peer = new GrpcPeer([never], { limits: { maxConcurrentStreams: 2 } });
    const [first, second, third] = [peer.open(), peer.open(), peer.open()];
    expect((await peer.answer(third)).reset).to.equal("REFUSED_STREAM");
    expect([(await peer.answer(first)).reset, (await peer.answer(second)).reset]).to.deep.equal([
      undefined,
      undefined,
    ]);
  });

  it("a stream after the final GOAWAY is ignored", async () => {
    const peer = new GrpcPeer([hello]);
    const open = peer.open();
    peer.peer.connection.drain("graceful_stop");
    peer.peer.wait(5000).receiveAll();
    const late = peer.open();
    peer.sendLast(late, message("late"));
    expect((await peer.answer(late)).headers).to.deep.equal({});
    expect((await peer.sendLast(open, message("you")).answer(open)).messages).to.deep.equal(["Hello, you"]);
  });
});

describe("grpc-message on the wire", () => {
  for (const [text, encoded] of [
    ["plain ~ text", "plain ~ text"],
    ["100%", "100%25"],
    ["a\r\nb", "a%0D%0Ab"],
    ["Ökonomie ☺ 😀", "%C3%96konomie %E2%98%BA %F0%9F%98%80"],
    ["half \ud800 pair", "half %EF%BF%BD pair"],
    ["\0\x7f", "%00%7F"],
    [
      "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
      "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A",
    ],
  ]) {
    it(`sends ${JSON.stringify(text)} as ${encoded}`, async () => {
      const peer = new GrpcPeer([
        textMethod("unary", () => {
          throw new RpcError(StatusCode.UNKNOWN, text);
        }),
      ]);
      const { headers } = await peer.call(message(""));
      expect(headers).to.include({ "grpc-status": "2", "grpc-message": encoded });
    });
  }
});
