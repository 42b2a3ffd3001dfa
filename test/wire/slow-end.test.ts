import { expect } from "chai";
import { headers, settings, windowUpdate } from "../support/frames.ts";
import { GrpcPeer, message } from "../support/grpc-peer.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { textMethod } from "../support/test-host.ts";

const INITIAL_WINDOW = 4;

describe("the end of a drained connection", () => {
  it("waits for a slow client that takes what it was sent, and not for one that takes nothing", () => {
    let pending = 0;
    const peer = ScriptedPeer.greeted({ pendingBytes: () => pending });
    peer.send(settings([INITIAL_WINDOW, 0x7fff_ffff]), windowUpdate(0, 0x7000_0000), headers(1));
    peer.connection.drain("graceful_stop");
    peer.wait(5000);
    pending = 100_000;
    peer.exchanges[0].answer("x".repeat(100_000));
    peer.run();
    expect(peer.isEnded).to.equal(true);
    for (let i = 0; i < 10; i++) {
      peer.wait(15_000);
      pending -= 5000;
      expect(peer.isDestroyed, `after ${i} rounds`).to.equal(false);
    }
    peer.wait(45_000);
    expect(peer.isDestroyed).to.equal(true);
  });

  it("comes at once for a client that has not said anything yet", () => {
    const peer = new ScriptedPeer();
    peer.connection.drain("graceful_stop");
    expect(peer.isEnded).to.equal(true);
  });
});

describe("the memory that open streams keep", () => {
  it("counts large request heads, and lets them go", () => {
    const peer = ScriptedPeer.greeted();
    const fields = [
      ":method",
      "POST",
      ":scheme",
      "http",
      ":path",
      "/",
      ":authority",
      "a",
      "x-long",
      "y".repeat(10_000),
    ];
    for (let id = 1; id < 21; id += 2) peer.send(headers(id, fields, 4));
    expect(peer.budget.usedBytes).to.be.within(100_000, 110_000);
    peer.connection.lost();
    expect(peer.budget.usedBytes).to.equal(0);
  });

  it("counts small requests of methods that take one until their client ends its side", async () => {
    const peer = new GrpcPeer([textMethod("unary", (text) => text)], {
      limits: { memoryBudgetBytes: 20_000 },
    });
    const ids = Array.from({ length: 30 }, () => peer.open());
    for (const id of ids.slice(0, 20)) peer.send(id, message("x".repeat(1000)));
    expect(peer.peer.budget.usedBytes).to.be.within(15_000, 20_000);
    expect(peer.peer.violations).to.include("slow-receiver-over-budget");
    for (const id of ids) peer.reset(id);
    expect(peer.peer.budget.usedBytes).to.equal(0);
  });

  it("counts what waits for a window, and refuses streams when the budget is spent", () => {
    const peer = ScriptedPeer.greeted({
      limits: { memoryBudgetBytes: 100_000 },
      onExchange: (recorded) => recorded.answer("x".repeat(30_000)),
    });
    peer.send(settings([INITIAL_WINDOW, 0]), headers(1), headers(3), headers(5), headers(7), headers(9));
    expect(peer.violations).to.deep.equal(["memory-budget-spent"]);
    expect(peer.budget.usedBytes).to.equal(120_000);
    peer.connection.lost();
    expect(peer.budget.usedBytes).to.equal(0);
  });
});
