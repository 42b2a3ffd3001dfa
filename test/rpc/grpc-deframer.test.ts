import { expect } from "chai";
import {
  type BadPrefix,
  Deframer,
  type MessageSink,
  messagePrefix,
} from "../../src/protocols/grpc/deframer.ts";
import { message, prefix } from "../support/grpc-peer.ts";

class Sink implements MessageSink {
  readonly messages: string[] = [];
  readonly bad: [BadPrefix, number][] = [];
  held = 0;
  mostHeld = 0;

  recvMessage(bytes: Uint8Array, isCompressed: boolean): void {
    this.messages.push((isCompressed ? "compressed " : "") + Buffer.from(bytes).toString("latin1"));
  }
  recvBadPrefix(problem: BadPrefix, value: number): void {
    this.bad.push([problem, value]);
  }
  hold(bytes: number): void {
    this.held += bytes;
    this.mostHeld = Math.max(this.mostHeld, this.held);
  }
}

const texts = ["one", "", "three", "a".repeat(300), "five"];
const body = Buffer.concat(texts.map((text) => message(text)));

describe("Deframer", () => {
  let sink: Sink;
  let deframer: Deframer;
  beforeEach(() => {
    sink = new Sink();
    deframer = new Deframer(sink, 1000);
  });

  function expectAll(): void {
    expect(sink.messages).to.deep.equal(texts);
    expect(sink.held).to.equal(0);
    expect(deframer.isBetweenMessages).to.equal(true);
  }

  it("reads messages that come in one piece, and keeps nothing", () => {
    deframer.recv(body);
    expectAll();
    expect(sink.mostHeld).to.equal(0);
  });

  it("reads messages that come in two pieces, split at every offset", () => {
    for (let at = 0; at <= body.length; at++) {
      sink = new Sink();
      deframer = new Deframer(sink, 1000);
      deframer.recv(body.subarray(0, at));
      deframer.recv(body.subarray(at));
      expectAll();
    }
  });

  it("reads messages that come one byte at a time", () => {
    for (const byte of body) deframer.recv(Buffer.from([byte]));
    expectAll();
  });

  it("tells a compressed message", () => {
    deframer.recv(message("x", 1));
    expect(sink.messages).to.deep.equal(["compressed x"]);
  });

  it("keeps no reference to what it was lent", () => {
    const lent = Buffer.from(message("lent"));
    deframer.recv(lent.subarray(0, 7));
    lent.fill(0);
    deframer.recv(message("lent").subarray(7));
    expect(sink.messages).to.deep.equal(["lent"]);
  });

  it("says that it is inside a message, from the first byte of the prefix on", () => {
    for (const byte of message("you").subarray(0, -1)) {
      deframer.recv(Buffer.from([byte]));
      expect(deframer.isBetweenMessages).to.equal(false);
    }
    deframer.recv(Buffer.from("u"));
    expect(deframer.isBetweenMessages).to.equal(true);
  });

  it("refuses a length of 4 GiB less one at the prefix, and allocates nothing for it", () => {
    deframer.recv(prefix(0xffff_ffff));
    expect(sink.bad).to.deep.equal([["length", 0xffff_ffff]]);
    expect(sink.mostHeld).to.equal(0);
  });

  it("allocates for what has arrived, not for what is announced, without a limit", () => {
    deframer = new Deframer(sink, Number.POSITIVE_INFINITY);
    const before = process.memoryUsage().arrayBuffers;
    deframer.recv(Buffer.concat([prefix(0xffff_ffff), Buffer.alloc(1000)]));
    expect(sink.held).to.equal(1005);
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(1_000_000);
    deframer.stop();
    expect(sink.held).to.equal(0);
  });

  it("refuses a bad flag and a length over the limit, whole or split at every offset", () => {
    for (const [bytes, problem, value] of [
      [prefix(3, 2), "flag", 2],
      [prefix(1001), "length", 1001],
    ] as const) {
      for (let at = 0; at <= 5; at++) {
        sink = new Sink();
        deframer = new Deframer(sink, 1000);
        deframer.recv(bytes.subarray(0, at));
        deframer.recv(bytes.subarray(at));
        expect(sink.bad, `split at ${at}`).to.deep.equal([[problem, value]]);
        expect(sink.held).to.equal(0);
      }
    }
  });

  it("takes nothing any more behind a bad prefix, or after stop", () => {
    deframer.recv(Buffer.concat([message("good"), prefix(0, 7), message("late")]));
    deframer.recv(message("later"));
    expect(sink.messages).to.deep.equal(["good"]);
    expect(sink.bad).to.have.length(1);
  });

  it("stops within a piece when it is told to by the message in it", () => {
    sink.recvMessage = (bytes) => {
      sink.messages.push(Buffer.from(bytes).toString());
      deframer.stop();
    };
    deframer.recv(body);
    expect(sink.messages).to.deep.equal(["one"]);
    expect(sink.held).to.equal(0);
  });

  it("keeps what comes while it is paused, in order", () => {
    sink.recvMessage = (bytes) => {
      sink.messages.push(Buffer.from(bytes).toString());
      deframer.pause();
    };
    deframer.recv(body);
    deframer.recv(message("six"));
    expect(sink.messages).to.deep.equal(["one"]);
    expect(deframer.isBetweenMessages).to.equal(false);
    for (let i = 0; i < texts.length; i++) deframer.resume();
    expect(sink.messages).to.deep.equal([...texts, "six"]);
    expect(sink.held).to.equal(0);
  });

  it("reads a message of a megabyte in small pieces, without copying it for each", () => {
    deframer = new Deframer(sink, 2_000_000);
    const large = message("b".repeat(1_000_000));
    for (let at = 0; at < large.length; at += 100) deframer.recv(large.subarray(at, at + 100));
    expect(sink.messages[0]).to.have.length(1_000_000);
    expect(sink.held).to.equal(0);
  });
});

describe("messagePrefix", () => {
  it("is the flag and the length in network order", () => {
    expect([...messagePrefix(0x0102_0304, false)]).to.deep.equal([0, 1, 2, 3, 4]);
    expect([...messagePrefix(0xffff_ffff, true)]).to.deep.equal([1, 255, 255, 255, 255]);
  });
});
