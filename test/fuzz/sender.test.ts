import { expect } from "chai";
import fc from "fast-check";
import { FieldSection } from "../../src/exchange.ts";
import { Flag, headers, requestFields, rstStream, settings, windowUpdate } from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

const INITIAL_WINDOW = 4;
const STREAMS = [1, 3, 5, 7];

/** What a client and its server do to flow control, one step at a time. */
type Step =
  | { readonly kind: "write"; readonly id: number; readonly bytes: number }
  | { readonly kind: "end" | "abort" | "reset"; readonly id: number }
  | { readonly kind: "update"; readonly id: number; readonly bytes: number }
  | { readonly kind: "initial"; readonly bytes: number }
  | { readonly kind: "socket"; readonly pending: number };

const ids = fc.constantFrom(...STREAMS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("write" as const), id: ids, bytes: fc.nat(40_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("end", "abort", "reset"), id: ids }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("update" as const),
      id: fc.constantFrom(0, ...STREAMS),
      bytes: fc.integer({ min: 1, max: 50_000 }),
    }),
  },
  fc.record({ kind: fc.constant("initial" as const), bytes: fc.nat(100_000) }),
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("socket" as const), pending: fc.constantFrom(0, 300_000) }),
  },
);

/** The client's books: what it allows, what it has got, and what the server has written. */
class Books {
  connectionWindow = 65_535;
  initialWindow = 65_535;
  readonly windows = new Map(STREAMS.map((id) => [id, 65_535]));
  readonly written = new Map(STREAMS.map((id) => [id, 0]));
  readonly received = new Map(STREAMS.map((id) => [id, 0]));
  readonly over = new Set<number>();
  readonly ended = new Set<number>();

  /** Takes what the server sent, and holds it against the windows. */
  recv(peer: ScriptedPeer): void {
    for (const { type, streamId, payload, flags } of peer.receiveAll()) {
      if (type === "RST_STREAM") this.over.add(streamId);
      if (type !== "DATA") continue;
      this.connectionWindow -= payload.length;
      this.windows.set(streamId, (this.windows.get(streamId) as number) - payload.length);
      const before = this.received.get(streamId) as number;
      expect(payload, "the bytes in their order").to.deep.equal(pattern(before, payload.length));
      this.received.set(streamId, before + payload.length);
      const left = Math.min(this.connectionWindow, this.windows.get(streamId) as number);
      expect(payload.length === 0 || left >= 0, "both windows hold").to.equal(true);
      if ((flags & Flag.END_STREAM) !== 0) this.ended.add(streamId);
    }
  }
}

/** Bytes that tell where in the stream they belong. */
function pattern(from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (from + i) % 251;
  return bytes;
}

function take(peer: ScriptedPeer, books: Books, socket: { pending: number }, action: Step): void {
  switch (action.kind) {
    case "write": {
      const { exchange } = peer.exchanges[STREAMS.indexOf(action.id)];
      const before = books.written.get(action.id) as number;
      if (!exchange.aborted && !books.ended.has(-action.id))
        books.written.set(action.id, before + action.bytes);
      exchange.write(pattern(before, action.bytes));
      break;
    }
    case "end":
      peer.exchanges[STREAMS.indexOf(action.id)].exchange.end();
      // Below zero: the server has ended it, and the client may not know yet.
      books.ended.add(-action.id);
      break;
    case "abort":
      peer.exchanges[STREAMS.indexOf(action.id)].exchange.abort("cancel");
      books.over.add(action.id);
      break;
    case "reset":
      books.over.add(action.id);
      peer.send(rstStream(action.id, 8));
      break;
    case "update":
      books.recv(peer);
      if (action.id === 0) books.connectionWindow += action.bytes;
      else books.windows.set(action.id, (books.windows.get(action.id) as number) + action.bytes);
      peer.send(windowUpdate(action.id, action.bytes));
      break;
    case "initial":
      books.recv(peer);
      for (const [id, window] of books.windows)
        books.windows.set(id, window + action.bytes - books.initialWindow);
      books.initialWindow = action.bytes;
      peer.send(settings([INITIAL_WINDOW, action.bytes]));
      break;
    case "socket":
      socket.pending = action.pending;
      if (action.pending > 0) peer.connection.flush();
      else peer.connection.onWritable();
      break;
  }
  books.recv(peer);
}

describe("the sender, under any windows, sockets and ends of streams", () => {
  it("keeps to both windows, keeps the order of bytes, and sends everything once it may", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const socket = { pending: 0 };
        const peer = ScriptedPeer.greeted({ pendingBytes: () => socket.pending });
        const books = new Books();
        for (const id of STREAMS) peer.send(headers(id, requestFields("/", ["priority", `u=${id}`])));
        for (const { exchange } of peer.exchanges) exchange.respond(new FieldSection(200, []));
        for (const action of steps) take(peer, books, socket, action);
        // At last everything opens.
        take(peer, books, socket, { kind: "socket", pending: 0 });
        for (const id of [0, ...STREAMS])
          take(peer, books, socket, { kind: "update", id, bytes: 10_000_000 });
        for (const id of STREAMS.filter((id) => !books.over.has(id))) {
          expect(books.received.get(id), `bytes of stream ${id}`).to.equal(books.written.get(id));
          expect(books.ended.has(id), `the end of stream ${id}`).to.equal(books.ended.has(-id));
        }
        const { sender } = peer.connection as unknown as {
          sender: { queuedBytes: number; hasQueued: boolean };
        };
        expect([sender.queuedBytes, sender.hasQueued]).to.deep.equal([0, false]);
        expect(peer.isEnded).to.equal(false);
      }),
      { numRuns: 300 },
    );
  });
});
