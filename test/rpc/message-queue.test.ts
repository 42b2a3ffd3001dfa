import { expect } from "chai";
import { MessageQueue, type QueueSource } from "../../src/rpc/message-queue.ts";

class Source implements QueueSource {
  isPaused = false;
  heldBytes = 0;
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  hold(bytes: number): void {
    this.heldBytes += bytes;
  }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail("it did not fail"),
    (error: unknown) => error,
  );
}

describe("MessageQueue", () => {
  let source: Source;
  let queue: MessageQueue;

  beforeEach(() => {
    source = new Source();
    queue = new MessageQueue(source);
  });

  it("hands messages on in order, those that wait and those that are waited for", async () => {
    queue.push("one", 3);
    queue.push("two", 3);
    expect(await queue.next()).to.deep.equal({ value: "one", done: false });
    expect(await queue.next()).to.deep.equal({ value: "two", done: false });
    const third = queue.next();
    queue.push("three", 5);
    expect(await third).to.deep.equal({ value: "three", done: false });
    const end = queue.next();
    queue.end();
    expect(await end).to.deep.equal({ value: undefined, done: true });
    expect((await queue.next()).done).to.equal(true);
  });

  it("ends behind the messages that wait", async () => {
    queue.push("one", 3);
    queue.end();
    const read: unknown[] = [];
    for await (const message of queue) read.push(message);
    expect(read).to.deep.equal(["one"]);
  });

  it("holds its source back when sixteen messages wait, until all are read", async () => {
    for (let i = 0; i < 15; i++) queue.push(i, 1);
    expect(source.isPaused).to.equal(false);
    queue.push(15, 1);
    expect(source.isPaused).to.equal(true);
    for (let i = 0; i < 15; i++) await queue.next();
    expect(source.isPaused).to.equal(true);
    await queue.next();
    expect(source.isPaused).to.equal(false);
  });

  it("holds its source back for one large message", () => {
    queue.push("large", 64 * 1024);
    expect(source.isPaused).to.equal(true);
  });

  it("counts the bytes that wait, and lets go of them however they leave", async () => {
    queue.push("a", 10);
    queue.push("b", 20);
    expect(source.heldBytes).to.equal(30);
    await queue.next();
    expect(source.heldBytes).to.equal(20);
    queue.fail(new Error("over"));
    expect(source.heldBytes).to.equal(0);
  });

  it("counts nothing for a message that is waited for", async () => {
    const next = queue.next();
    queue.push("a", 10);
    expect(source.heldBytes).to.equal(0);
    await next;
  });

  it("fails ahead of what was not read, and goes on failing", async () => {
    const error = new Error("over");
    queue.push("unread", 6);
    queue.fail(error);
    queue.fail(new Error("later"));
    queue.push("late", 4);
    expect(await failureOf(queue.next())).to.equal(error);
    expect(await failureOf(queue.next())).to.equal(error);
  });

  it("fails who waits", async () => {
    const next = queue.next();
    const error = new Error("over");
    queue.fail(error);
    expect(await failureOf(next)).to.equal(error);
  });

  it("drops what comes after its reader has left, and lets the source run", async () => {
    for (let i = 0; i < 16; i++) queue.push(i, 1);
    for await (const message of queue) {
      expect(message).to.equal(0);
      break;
    }
    expect(source.isPaused).to.equal(false);
    expect(source.heldBytes).to.equal(0);
    queue.push("late", 4);
    expect((await queue.next()).done).to.equal(true);
  });

  it("ends the wait of a reader who gives up", async () => {
    const next = queue.next();
    await queue.return();
    expect((await next).done).to.equal(true);
  });

  it("tells a second reader that there can be one", async () => {
    const first = queue.next();
    expect(await failureOf(queue.next())).to.be.instanceOf(Error);
    queue.end();
    await first;
  });
});
