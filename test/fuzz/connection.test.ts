import { expect } from "chai";
import fc from "fast-check";
import { FieldSection } from "../../src/exchange.ts";
import {
  block,
  CLIENT_PREFACE,
  continuation,
  data,
  Flag,
  FrameType,
  frame,
  goAway,
  headers,
  ping,
  priority,
  requestFields,
  rstStream,
  settings,
  settingsAck,
  windowUpdate,
} from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

const streamIds = fc.constantFrom(0, 1, 3, 5, 7, 2, 0x7fff_ffff);
const payloads = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const fields = fc.constantFrom(
  [],
  ["x", "y"],
  ["te", "gzip"],
  ["content-length", "3"],
  ["X", "y"],
  ["priority", "u=0"],
);

/** Frames that a client might send, most of them fine, in any order. */
const framesWithin = [
  {
    weight: 4,
    arbitrary: fc
      .tuple(streamIds, fields, fc.constantFrom(4, 5, 0, 1))
      .map(([id, more, flags]) => headers(id, requestFields("/", more), flags)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(streamIds, payloads, fc.constantFrom(0, 1, 8, 9))
      .map(([id, bytes, flags]) => data(id, bytes, flags)),
  },
  fc.tuple(streamIds, fc.nat(14)).map(([id, code]) => rstStream(id, code)),
  fc
    .tuple(streamIds, fc.constantFrom(0, 1, 1000, 0x7fff_ffff))
    .map(([id, increment]) => windowUpdate(id, increment)),
  fc
    .tuple(fc.nat(10), fc.constantFrom(0, 1, 100, 70_000, 0xffff_ffff))
    .map(([id, value]) => settings([id, value])),
  fc.constantFrom(ping(), settingsAck(), ping("answered", Flag.ACK)),
  fc.tuple(streamIds, streamIds).map(([id, on]) => priority(id, on)),
  fc
    .tuple(streamIds, fc.boolean())
    .map(([id, end]) => continuation(id, block(["a", "b"]), end ? Flag.END_HEADERS : 0)),
  fc
    .tuple(
      fc.nat(255).filter((type) => type !== FrameType.GOAWAY),
      fc.nat(255),
      streamIds,
      payloads,
    )
    .map(([type, flags, id, bytes]) => frame(type, flags, id, bytes)),
] as const;
const farewell = fc.tuple(streamIds, fc.nat(14)).map(([id, code]) => goAway(id, code));
/** Without GOAWAY, which ends an idle connection between two turns and so makes pieces differ. */
const framesOfOneTurn = fc.oneof(...framesWithin);
const frames = fc.oneof(...framesWithin, farewell);

/** What is done to the bytes on their way. */
const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });

/** A handler for each way of treating an exchange. */
function answering(choice: number): ScriptedPeer {
  let count = choice;
  return new ScriptedPeer({
    onExchange: (recorded) => {
      const { exchange } = recorded;
      switch (count++ % 6) {
        case 0:
          return recorded.answer("x".repeat(70_000));
        case 1:
          return exchange.pause();
        case 2:
          return exchange.abort("cancel");
        case 3:
          exchange.beginWork();
          return exchange.respond(new FieldSection(200, ["a", "b"]));
        case 4:
          exchange.push("/pushed");
          return exchange.respondAndEnd(new FieldSection(204, []));
        default:
          return undefined;
      }
    },
  });
}

function expectDefinedOutcome(peer: ScriptedPeer): void {
  const sent = peer.receiveAll();
  const hasFailed = sent.some(({ type, code }) => type === "GOAWAY" && code !== "NO_ERROR");
  if (hasFailed !== peer.isEnded && !peer.isEnded)
    throw new Error("GOAWAY with an error, and the connection goes on");
  for (const { exchange } of peer.exchanges) exchange.resume();
  for (const { exchange } of peer.exchanges) exchange.endWork();
  peer.connection.lost();
  expect([peer.budget.usedBytes, peer.connection.streamCount, peer.clock.pending]).to.deep.equal([0, 0, 0]);
}

describe("the connection, fed with anything", () => {
  it("has a defined outcome for any sequence of frames, and lets go of everything in the end", () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 40 }), fc.nat(5), (sequence, choice) => {
        const peer = answering(choice);
        peer.send(CLIENT_PREFACE, settings());
        for (const bytes of sequence) peer.send(bytes);
        expectDefinedOutcome(peer);
      }),
      { numRuns: 1500 },
    );
  });

  it("has a defined outcome for a valid dialogue with broken bytes", () => {
    const dialogue = Buffer.concat([
      CLIENT_PREFACE,
      settings([4, 100_000]),
      settingsAck(),
      headers(1, requestFields("/", ["content-length", "5"]), Flag.END_HEADERS),
      data(1, "hello", Flag.END_STREAM),
      windowUpdate(0, 100_000),
      frame(FrameType.HEADERS, 0, 3, block(requestFields()).subarray(0, 6)),
      continuation(3, block(requestFields()).subarray(6), Flag.END_HEADERS),
      data(3, Buffer.alloc(300), Flag.PADDED),
      headers(3, ["x", "y"]),
      ping(),
      rstStream(1, 8),
    ]);
    fc.assert(
      fc.property(mutations, fc.nat(dialogue.length), fc.nat(5), (changes, cut, choice) => {
        const bytes = Buffer.from(dialogue);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const peer = answering(choice);
        peer.send(bytes.subarray(0, cut));
        peer.send(bytes.subarray(cut));
        expectDefinedOutcome(peer);
      }),
      { numRuns: 3000 },
    );
  });

  it("answers the same bytes alike, whatever pieces they come in", () => {
    const transcript = (pieces: Buffer[], choice: number) => {
      const peer = answering(choice);
      for (const piece of pieces) peer.send(piece);
      return {
        sent: peer.receiveAll(),
        violations: peer.violations,
        bodies: peer.exchanges.map(({ body }) => body),
      };
    };
    fc.assert(
      fc.property(
        fc.array(framesOfOneTurn, { maxLength: 15 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        fc.nat(5),
        (sequence, sizes, choice) => {
          const bytes = Buffer.concat([CLIENT_PREFACE, settings(), ...sequence]);
          const pieces: Buffer[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            pieces.push(bytes.subarray(at, at + sizes[i % sizes.length]));
            at += sizes[i % sizes.length];
          }
          const { sent, ...rest } = transcript(pieces, choice);
          const whole = transcript([bytes], choice);
          expect(rest).to.deep.equal({ violations: whole.violations, bodies: whole.bodies });
          expect(sent.map(({ type, streamId, code }) => [type, streamId, code])).to.deep.equal(
            whole.sent.map(({ type, streamId, code }) => [type, streamId, code]),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it("CVE-2026-27141: takes every type with every kind of flags and lengths", () => {
    for (let type = 0; type < 256; type++) {
      for (const length of [0, 1, 4, 5, 8, 9, 16_384]) {
        for (const flags of [0, 1, 4, 5, 8, 0x20, 0x2d, 0xff]) {
          for (const streamId of [0, 1]) {
            const peer = ScriptedPeer.greeted();
            peer.send(frame(type, flags, streamId, Buffer.alloc(length, type)), headers(3));
            peer.connection.lost();
            expect(peer.budget.usedBytes).to.equal(0);
          }
        }
      }
    }
  });
});
