import { expect } from "chai";
import { Deadlines } from "../../src/rpc/deadlines.ts";
import { RpcError, StatusCode } from "../../src/rpc/status.ts";
import { settle } from "../support/fake-call.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { useFakeTimers } from "../support/fake-timers.ts";
import { FrameType, frame, rstStream, uint32, windowUpdate } from "../support/frames.ts";
import { GrpcPeer, message } from "../support/grpc-peer.ts";
import { TestHost, textMethod } from "../support/test-host.ts";

const CANCEL = 8;

/** A method that waits until its signal aborts, and what it was told then. */
function untilAborted() {
  const seen: unknown[] = [];
  const method = textMethod("bidi", (_requests, call) => {
    const aborted = new Promise((_resolve, reject) => {
      call.signal.addEventListener("abort", () => {
        seen.push(call.signal.reason);
        reject(call.signal.reason);
      });
    });
    call.sendHeaders();
    return aborted;
  });
  return { method, seen };
}

describe("the early end of a gRPC call", () => {
  it("by a reset of the client reaches the handler as CANCELLED, and nothing more is sent", async () => {
    const { method, seen } = untilAborted();
    const peer = new GrpcPeer([method]);
    const streamId = peer.open();
    await peer.answer(streamId);
    peer.peer.send(rstStream(streamId, CANCEL));
    const { trailers, isEnded } = await peer.answer(streamId);
    expect(seen).to.have.length(1);
    expect(seen[0]).to.include({ code: StatusCode.CANCELLED, message: "The client cancelled the call" });
    expect([trailers, isEnded]).to.deep.equal([null, false]);
    expect(peer.host.errors).to.deep.equal([]);
  });

  it("by the loss of the connection reaches every handler", async () => {
    const { method, seen } = untilAborted();
    const peer = new GrpcPeer([method]);
    peer.open();
    peer.open();
    peer.peer.connection.lost();
    await settle();
    expect(seen).to.have.length(2);
    expect(seen[0]).to.include({ code: StatusCode.CANCELLED });
  });

  it("by an error on the connection reaches every handler", async () => {
    const { method, seen } = untilAborted();
    const peer = new GrpcPeer([method]);
    peer.open();
    peer.peer.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0)));
    await settle();
    expect(seen).to.have.length(1);
  });

  it("by the server is HEADERS with END_STREAM, then a reset without prejudice", async () => {
    const deny = textMethod("client-stream", () => {
      throw new RpcError(StatusCode.PERMISSION_DENIED, "no");
    });
    const peer = new GrpcPeer([deny]);
    const streamId = peer.open();
    const { headers, trailers, isEnded, reset } = await peer.answer(streamId);
    expect(headers).to.include({ "grpc-status": "7", "grpc-message": "no" });
    expect([trailers, isEnded, reset]).to.deep.equal([null, true, "NO_ERROR"]);
  });

  it("by the server swallows what the client still sends, and gives its window back", async () => {
    const deny = textMethod("client-stream", () => {
      throw new RpcError(StatusCode.PERMISSION_DENIED, "no");
    });
    const peer = new GrpcPeer([deny], { limits: { connectionWindowBytes: 65_535 } });
    const streamId = peer.open();
    await peer.answer(streamId);
    const granted: number[] = [];
    for (let i = 0; i < 10; i++) {
      peer.send(streamId, Buffer.alloc(16_000));
      for (const { increment, streamId: id } of peer.peer.receiveAll())
        if (id === 0) granted.push(increment ?? 0);
    }
    const sum = granted.reduce((total, bytes) => total + bytes, 0);
    expect(sum).to.be.greaterThan(100_000);
    expect(peer.peer.isEnded).to.equal(false);
  });

  it("keeps what was sent before it", async () => {
    async function* answers() {
      yield "one";
      throw new RpcError(StatusCode.DATA_LOSS, "lost");
    }
    const peer = new GrpcPeer([textMethod("server-stream", answers)]);
    const { messages, trailers } = await peer.call(message(""));
    expect(messages).to.deep.equal(["one"]);
    expect(trailers).to.deep.equal({ "grpc-status": "15", "grpc-message": "lost" });
  });

  it("sends the response's metadata as headers and not as trailers", async () => {
    const method = textMethod("unary", (_request, call) => {
      call.responseMetadata.set("x-head", "1");
      call.trailers.set("x-tail", "2");
      throw new RpcError(StatusCode.ABORTED, "");
    });
    const { headers, trailers } = await new GrpcPeer([method]).call(message(""));
    expect(headers).to.include({ ":status": "200", "content-type": "application/grpc", "x-head": "1" });
    expect(headers).to.not.have.property("x-tail");
    expect(trailers).to.deep.equal({ "grpc-status": "10", "x-tail": "2" });
  });
});

describe("the deadline of a gRPC call", () => {
  let clock: FakeClock;
  let host: TestHost;
  let restore: () => void;
  beforeEach(() => {
    clock = new FakeClock();
    restore = useFakeTimers(clock);
    host = new TestHost({}, new Deadlines(() => clock.now()));
  });
  afterEach(() => restore());

  it("ends it with status 4 and aborts the handler", async () => {
    const { method, seen } = untilAborted();
    const peer = new GrpcPeer([method], { host });
    const streamId = peer.open(["grpc-timeout", "250m"]);
    clock.advance(249);
    expect((await peer.answer(streamId)).trailers).to.equal(null);
    clock.advance(1);
    const { trailers, reset } = await peer.answer(streamId);
    expect(trailers).to.deep.equal({ "grpc-status": "4", "grpc-message": "Deadline exceeded" });
    expect(reset).to.equal("NO_ERROR");
    expect(seen[0]).to.include({ code: StatusCode.DEADLINE_EXCEEDED });
  });

  it("resets a client that leaves its window shut", async () => {
    async function* answers() {
      for (;;) yield "a".repeat(100_000);
    }
    const peer = new GrpcPeer([textMethod("server-stream", answers)], { host });
    const streamId = peer.open(["grpc-timeout", "1S"]);
    peer.sendLast(streamId, message(""));
    expect((await peer.answer(streamId)).isEnded).to.equal(false);
    clock.advance(1000);
    const { trailers, reset } = await peer.answer(streamId);
    expect(trailers).to.equal(null);
    expect(reset).to.equal("CANCEL");
    expect(host.deadlines.size).to.equal(0);
  });
});

describe("back-pressure of a gRPC call", () => {
  it("does not advance a generator while the client's window is shut", async () => {
    let made = 0;
    async function* answers() {
      for (; made < 5; made++) yield "a".repeat(50_000);
    }
    const peer = new GrpcPeer([textMethod("server-stream", answers)]);
    const streamId = peer.open();
    peer.sendLast(streamId, message(""));
    await peer.answer(streamId);
    expect(made).to.equal(1);
    peer.peer.send(windowUpdate(0, 1_000_000), windowUpdate(streamId, 40_000));
    await peer.answer(streamId);
    expect(made).to.equal(2);
    peer.peer.send(windowUpdate(streamId, 1_000_000));
    const { messages, trailers } = await peer.answer(streamId);
    expect(messages).to.have.length(5);
    expect(trailers).to.deep.equal({ "grpc-status": "0" });
  });

  it("stops the client of a handler that does not read, and lets go of every byte in the end", async () => {
    let goOn: () => void = () => {};
    const slow = textMethod("client-stream", async (requests) => {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      let bytes = 0;
      for await (const text of requests as AsyncIterable<string>) bytes += text.length;
      return String(bytes);
    });
    const peer = new GrpcPeer([slow]);
    const streamId = peer.open();
    const chunk = message("a".repeat(10_000));
    let granted = 0;
    for (let i = 0; i < 20; i++) {
      peer.send(streamId, chunk);
      for (const { increment } of peer.peer.receiveAll()) granted += increment ?? 0;
    }
    // About 64 KiB are decoded; the rest lies in the stream and its window is not given back.
    expect(granted).to.be.lessThan(150_000);
    expect(peer.peer.budget.usedBytes).to.be.within(150_000, 250_000);
    goOn();
    await settle();
    const { messages } = await peer.sendLast(streamId).answer(streamId);
    expect(messages).to.deep.equal(["200000"]);
    expect(peer.peer.budget.usedBytes).to.equal(0);
  });

  it("counts a message that never becomes whole, and lets go of it when the client resets", async () => {
    const { method } = untilAborted();
    const peer = new GrpcPeer([method]);
    const streamId = peer.open();
    peer.send(streamId, message("a".repeat(10_000)).subarray(0, 5_000));
    expect(peer.peer.budget.usedBytes).to.equal(5_000);
    peer.peer.send(rstStream(streamId, CANCEL));
    expect(peer.peer.budget.usedBytes).to.equal(0);
    await settle();
  });
});
