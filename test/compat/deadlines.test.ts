import { type handleUnaryCall, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { defer } from "./support/defer.ts";
import { deserialize, envelope, type Handlers, type Message, service } from "./support/service.ts";
import { describeTwins } from "./support/twins.ts";
import type { WireAnswer } from "./support/wire-client.ts";

const echo: handleUnaryCall<Message, Message> = ({ request }, callback) => callback(null, request);

/** The status of an answer, wherever it stands. */
function statusOf({ headers, trailers }: WireAnswer): [number, string] {
  const fields = { ...headers, ...trailers };
  return [Number(fields["grpc-status"]), decodeURI(String(fields["grpc-message"] ?? ""))];
}

describeTwins("a deadline", (twin) => {
  for (const [timeout, milliseconds] of [
    ["2H", 7_200_000],
    ["3M", 180_000],
    ["45S", 45_000],
    ["30000m", 30_000],
    ["40000000u", 40_000],
    ["99999999n", 100],
  ] as const) {
    it(`is read: ${timeout}`, async () => {
      const seen = defer<number>();
      const { request } = await (
        await twin.serve({
          unary: (call, callback) => {
            seen.resolve(Number(call.getDeadline()));
            callback(null, call.request);
          },
        })
      ).wire();
      const before = Date.now();
      const answer = await request({ "grpc-timeout": timeout }, envelope({ text: "" }));
      expect((await seen.promise) - before).to.be.within(milliseconds - 2, milliseconds + 2000);
      expect(statusOf(answer)[0]).to.equal(status.OK);
    });
  }

  for (const timeout of ["soon", "5", "S", "", "5 years"]) {
    it(`is refused: ${JSON.stringify(timeout)}`, async () => {
      const { request } = await (await twin.serve({ unary: echo })).wire();
      const answer = await request({ "grpc-timeout": timeout }, envelope({ text: "" }));
      expect(statusOf(answer)[0]).to.equal(status.INTERNAL);
    });
  }

  it("is refused by name", async () => {
    const { request } = await (await twin.serve({ unary: echo })).wire();
    const answer = await request({ "grpc-timeout": "soon" }, envelope({ text: "" }));
    expect(statusOf(answer)).to.deep.equal([status.INTERNAL, 'Invalid grpc-timeout value "soon"']);
  });

  for (const timeout of ["x5S", "5Sx", "123456789S", "5  S"]) {
    it(`is refused, though part of it is one: ${JSON.stringify(timeout)}`, async () => {
      const { request } = await (await twin.serve({ unary: echo })).wire();
      const answer = await request({ "grpc-timeout": timeout }, envelope({ text: "" }));
      expect(statusOf(answer)[0]).to.equal(
        twin.expected<number>({
          grpcJs: status.OK,
          ours: status.INTERNAL,
          why: "the expression of grpc-js is not anchored",
        }),
      );
    });
  }

  it("may be years away", async () => {
    const { request } = await (
      await twin.serve({
        unary: (call, callback) => callback(null, { text: String(Number(call.getDeadline()) > Date.now()) }),
      })
    ).wire();
    const { body } = await request({ "grpc-timeout": "100000H" }, envelope({ text: "" }));
    expect(deserialize(body.subarray(5)).text).to.equal(
      twin.expected({
        grpcJs: "false",
        ours: "true",
        why: "the timeout overflows 32 bits, and is due at once",
      }),
    );
  });

  const silent: Record<string, [string, (over: () => void) => Handlers]> = {
    "a unary call": [service.Unary.path, (over) => ({ unary: (call) => void call.on("cancelled", over) })],
    "a stream of requests": [
      service.ClientStream.path,
      (over) => ({ clientStream: (call) => void call.on("cancelled", over) }),
    ],
    "a stream of replies": [
      service.ServerStream.path,
      (over) => ({ serverStream: (call) => void call.on("cancelled", over) }),
    ],
    "streams both ways": [service.Bidi.path, (over) => ({ bidi: (call) => void call.on("cancelled", over) })],
  };
  for (const [what, [path, handlers]] of Object.entries(silent)) {
    it(`ends ${what} whose handler is silent, and tells the handler`, async () => {
      const cancelled = defer();
      const { request } = await (await twin.serve(handlers(cancelled.resolve))).wire();
      const answer = await request({ ":path": path, "grpc-timeout": "30m" }, envelope({ text: "" }));
      expect(statusOf(answer)).to.deep.equal([status.DEADLINE_EXCEEDED, "Deadline exceeded"]);
      await cancelled.promise;
    });
  }

  it("ends a stream behind the replies that were sent", async () => {
    const { request } = await (
      await twin.serve({ serverStream: (call) => void call.write({ text: "in time" }) })
    ).wire();
    const { path } = service.ServerStream;
    const answer = await request({ ":path": path, "grpc-timeout": "50m" }, envelope({ text: "" }));
    expect(answer.body).to.deep.equal(envelope({ text: "in time" }));
    expect(answer.trailers?.["grpc-status"]).to.equal(String(status.DEADLINE_EXCEEDED));
  });

  it("of nothing is over at once", async () => {
    const { request } = await (await twin.serve({ unary: () => {} })).wire();
    const answer = await request({ "grpc-timeout": "0m" }, envelope({ text: "" }));
    expect(statusOf(answer)[0]).to.equal(status.DEADLINE_EXCEEDED);
  });

  it("is the client's as well", async () => {
    const cancelled = defer();
    const { client } = await twin.serve({ unary: (call) => void call.on("cancelled", cancelled.resolve) });
    const options = { deadline: new Date(Date.now() + 50) };
    expect((await client.unary({ text: "" }, { options })).code).to.equal(status.DEADLINE_EXCEEDED);
    await cancelled.promise;
  });
});
