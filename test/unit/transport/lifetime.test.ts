import { expect } from "chai";
import type { Http2Connection } from "../../../src/http2/connection.ts";
import { defaultLifetime, Lifetime, type LifetimeOptions } from "../../../src/transport/lifetime.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** A connection whose age is watched, and what was done to it. */
function watch(options: Partial<LifetimeOptions>, random = 0.5) {
  const clock = new FakeClock();
  const events: string[] = [];
  const connection = {
    streamCount: 0,
    drain: (reason: string) => events.push(`drain ${reason} at ${clock.now()}`),
    ping: (_answered: () => void) => events.push(`ping at ${clock.now()}`),
  };
  const never = Number.POSITIVE_INFINITY;
  const lifetime = new Lifetime(
    clock,
    {
      maxAgeMs: never,
      maxAgeGraceMs: never,
      maxIdleMs: never,
      keepaliveTimeMs: never,
      keepaliveTimeoutMs: 20,
      ...options,
    },
    connection as unknown as Http2Connection,
    () => events.push(`destroy at ${clock.now()}`),
    () => random,
  );
  return { clock, events, connection, lifetime };
}

describe("the lifetime of a connection", () => {
  it("has no end by default but that of a dead peer", () => {
    const { clock, events } = watch(defaultLifetime);
    clock.advance(7_200_000 + 19_999);
    expect(events).to.deep.equal(["ping at 7200000"]);
    clock.advance(1);
    expect(events).to.deep.equal(["ping at 7200000", "destroy at 7220000"]);
  });

  for (const [random, at] of [
    [0, 900],
    [0.5, 1000],
    [1, 1100],
  ]) {
    it(`ends by age, spread over a tenth: at ${at} for a dice of ${random}`, () => {
      const { clock, events } = watch({ maxAgeMs: 1000 }, random);
      clock.advance(10_000);
      expect(events).to.deep.equal([`drain max_age at ${at}`]);
    });
  }

  it("cuts after the grace of its age", () => {
    const { clock, events } = watch({ maxAgeMs: 1000, maxAgeGraceMs: 50 });
    clock.advance(10_000);
    expect(events).to.deep.equal(["drain max_age at 1000", "destroy at 1050"]);
  });

  it("ends by idleness, counted from the end of the last stream", () => {
    const { clock, events, lifetime } = watch({ maxIdleMs: 100 });
    clock.advance(90);
    lifetime.watchIdle();
    clock.advance(99);
    expect(events).to.deep.equal([]);
    clock.advance(1);
    expect(events).to.deep.equal(["drain max_idle at 190"]);
  });

  it("is not idle while a stream is open", () => {
    const { clock, events, connection } = watch({ maxIdleMs: 100 });
    connection.streamCount = 1;
    clock.advance(1000);
    expect(events).to.deep.equal([]);
    connection.streamCount = 0;
    clock.advance(100);
    expect(events).to.have.length(1);
  });

  it("sends no PING to a peer that is heard", () => {
    const { clock, events, lifetime } = watch({ keepaliveTimeMs: 100 });
    for (let i = 0; i < 10; i++) {
      clock.advance(60);
      lifetime.heard();
    }
    expect(events).to.deep.equal([]);
  });

  it("goes on when any byte answers the PING", () => {
    const { clock, events, lifetime } = watch({ keepaliveTimeMs: 100 });
    clock.advance(110);
    lifetime.heard();
    clock.advance(100);
    expect(events).to.deep.equal(["ping at 100"]);
    clock.advance(100);
    expect(events).to.deep.equal(["ping at 100", "ping at 220", "destroy at 240"]);
  });

  it("counts the next interval from the answer to the PING", () => {
    const { clock, events, connection, lifetime } = watch({ keepaliveTimeMs: 100, keepaliveTimeoutMs: 5000 });
    connection.ping = (answered: () => void) => {
      events.push(`ping at ${clock.now()}`);
      lifetime.heard();
      answered();
      return events.length;
    };
    clock.advance(350);
    expect(events).to.deep.equal(["ping at 100", "ping at 200", "ping at 300"]);
  });

  it("leaves no timer behind", () => {
    const { clock, lifetime } = watch({ maxAgeMs: 1000, maxIdleMs: 100, keepaliveTimeMs: 50 });
    clock.advance(60);
    lifetime.stop();
    expect(clock.pending).to.equal(0);
  });

  it("takes a time that no timer can hold for never", () => {
    const { clock, events } = watch({ maxAgeMs: 2 ** 31, maxIdleMs: 2 ** 31, keepaliveTimeMs: 2 ** 31 });
    expect(clock.pending).to.equal(0);
    clock.advance(2 ** 32);
    expect(events).to.deep.equal([]);
  });
});
