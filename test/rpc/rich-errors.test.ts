import { expect } from "chai";
import { chain } from "../../src/rpc/interceptor.ts";
import { encodeLoadReport, LoadReport } from "../../src/rpc/load-report.ts";
import { Metadata } from "../../src/rpc/metadata.ts";
import { orcaService } from "../../src/rpc/orca-service.ts";
import { bindService } from "../../src/rpc/service.ts";
import { RpcError, type RpcErrorOptions, StatusCode } from "../../src/rpc/status.ts";
import { unknownMethod } from "../../src/rpc/unknown-method.ts";
import { vendoredCodec } from "../../src/schema/vendored.ts";
import { FakeCall, settle } from "../support/fake-call.ts";
import { GrpcPeer, message } from "../support/grpc-peer.ts";
import { TestHost, textMethod } from "../support/test-host.ts";

const status = vendoredCodec("google/rpc", "google.rpc.Status");
const failing = (options: RpcErrorOptions) =>
  textMethod("unary", () => {
    throw new RpcError(StatusCode.INVALID_ARGUMENT, "bad", options);
  });

interface DecodedStatus {
  readonly code: number;
  readonly message: string;
  readonly details: { readonly type_url: string; readonly value: Buffer }[];
}

describe("rich errors (google/rpc/status.proto)", () => {
  it("are sent as grpc-status-details-bin, with what programs can read", async () => {
    const method = failing({
      details: [
        { type: "google.rpc.BadRequest", fieldViolations: [{ field: "name", description: "too long" }] },
        { type: "google.rpc.RetryInfo", retryDelay: { seconds: 3, nanos: 5 } },
        { type: "google.rpc.ErrorInfo", reason: "NAME_TOO_LONG", domain: "test", metadata: { most: "9" } },
        { typeUrl: "type.googleapis.com/shop.OutOfStock", value: Buffer.from([1, 2]) },
      ],
    });
    const { headers } = await new GrpcPeer([method]).call(message("x"));
    expect(headers).to.include({ "grpc-status": "3", "grpc-message": "bad" });
    const decoded = status.decode(Buffer.from(headers["grpc-status-details-bin"], "base64")) as DecodedStatus;
    expect([decoded.code, decoded.message]).to.deep.equal([3, "bad"]);
    const [badRequest, retryInfo, errorInfo, other] = decoded.details;
    const read = (name: string, value: Buffer) => vendoredCodec("google/rpc", name).decode(value);
    expect(decoded.details.map(({ type_url }) => type_url)).to.deep.equal([
      "type.googleapis.com/google.rpc.BadRequest",
      "type.googleapis.com/google.rpc.RetryInfo",
      "type.googleapis.com/google.rpc.ErrorInfo",
      "type.googleapis.com/shop.OutOfStock",
    ]);
    expect(read("google.rpc.BadRequest", badRequest.value)).to.have.nested.include({
      "fieldViolations[0].field": "name",
      "fieldViolations[0].description": "too long",
    });
    expect(read("google.rpc.RetryInfo", retryInfo.value)).to.deep.include({
      retryDelay: { seconds: "3", nanos: 5 },
    });
    expect(read("google.rpc.ErrorInfo", errorInfo.value)).to.deep.include({ metadata: { most: "9" } });
    expect([...other.value]).to.deep.equal([1, 2]);
  });

  it("carry metadata, behind the call's own trailers", async () => {
    const method = textMethod("unary", (_request, call) => {
      call.trailers.set("x-who", "call");
      const metadata = new Metadata([
        ["x-who", "error"],
        ["x-more", "1"],
      ]);
      throw new RpcError(StatusCode.ABORTED, "", { metadata });
    });
    const fake = new FakeCall(method).sendLast("a");
    expect(fake.writer.trailers).to.deep.equal([
      ["x-who", "call"],
      ["x-who", "error"],
      ["x-more", "1"],
    ]);
  });

  it("say at once which detail is not what its type says", () => {
    const details = [{ type: "google.rpc.BadRequest", fieldViolations: [{ field: 7, description: "" }] }];
    expect(() => new RpcError(StatusCode.ABORTED, "", { details } as unknown as RpcErrorOptions)).to.throw(
      TypeError,
      "field",
    );
    const unknown = [{ type: "google.rpc.Nonsense" }];
    expect(
      () => new RpcError(StatusCode.ABORTED, "", { details: unknown } as unknown as RpcErrorOptions),
    ).to.throw(TypeError, "google.rpc.Nonsense");
  });
});

describe("a call's load report (gRPC proposal A51)", () => {
  it("is a trailer when the handler asked for it, and only then", async () => {
    const method = textMethod("unary", (_request, call) => {
      call.loadReport.cpuUtilization = 0.5;
      call.loadReport.requestCost["db"] = 2;
      call.loadReport.namedMetrics["queue"] = 7;
      return "";
    });
    const fake = new FakeCall(method).sendLast("a");
    const [[key, value]] = fake.writer.trailers;
    expect(key).to.equal("endpoint-load-metrics-bin");
    const report = vendoredCodec("xds", "xds.data.orca.v3.OrcaLoadReport").decode(value as Uint8Array);
    expect(report).to.deep.include({
      cpuUtilization: 0.5,
      requestCost: { db: 2 },
      namedMetrics: { queue: 7 },
    });
    expect(new FakeCall(textMethod("unary", () => "")).sendLast("a").writer.trailers).to.deep.equal([]);
  });

  it("that cannot be encoded costs a line in the log, not the call", () => {
    const method = textMethod("unary", (_request, call) => {
      call.loadReport.eps = "many" as unknown as number;
      return "fine";
    });
    const fake = new FakeCall(method).sendLast("a");
    expect([fake.ends, fake.host.errors]).to.deep.equal([["0"], ["A load report could not be encoded"]]);
  });

  it("of nothing is empty", () => {
    expect(encodeLoadReport(new LoadReport())).to.have.length(0);
  });
});

describe("the load of a server, out of band (gRPC proposal A51)", () => {
  it("is told at once and then at the interval asked for, but not more often than the server likes", async () => {
    const report = new LoadReport();
    const service = orcaService(report, 5);
    const [method] = bindService(service.schema!, service);
    expect(method.schema.path).to.equal("/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics");
    const fake = new FakeCall(method);
    report.cpuUtilization = 2;
    fake.call.recvMessage(method.schema.request.encode({ reportInterval: { seconds: 0, nanos: 1 } }));
    fake.call.recvEnd();
    while (fake.writer.messages.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    fake.call.recvCancel("gone");
    await settle();
    expect([fake.ends, fake.host.errors]).to.deep.equal([[], []]);
    const first = method.schema.response.decode(Buffer.from(fake.writer.messages[0], "latin1"));
    expect(first).to.include({ cpuUtilization: 2 });
  });
});

describe("an interval that no timer can hold", () => {
  it("is as long as one can be, and not none at all", async () => {
    const service = orcaService(new LoadReport(), 5);
    const [method] = bindService(service.schema!, service);
    const fake = new FakeCall(method);
    fake.call.recvMessage(method.schema.request.encode({ reportInterval: { seconds: 3_000_000 } }));
    fake.call.recvEnd();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fake.writer.messages).to.have.length(1);
    fake.call.recvCancel("gone");
  });
});

describe("a handler for unknown methods", () => {
  const echoBytes = async function* (requests: AsyncIterable<Uint8Array>) {
    for await (const bytes of requests) yield Buffer.concat([Buffer.from("<"), bytes, Buffer.from(">")]);
  };

  it("gets the path and the bytes of any method, and answers in bytes", async () => {
    const paths: string[] = [];
    const method = unknownMethod(
      "/shop.Cart/Add",
      (requests, call) => {
        paths.push(call.method.path, call.method.name);
        return echoBytes(requests);
      },
      [
        (call, next) => {
          call.trailers.set("x-seen", "1");
          return next();
        },
      ],
    );
    const fake = new FakeCall(method!).sendLast("a", "b");
    await settle();
    expect(paths).to.deep.equal(["/shop.Cart/Add", "Add"]);
    expect([fake.writer.messages, fake.ends, fake.writer.trailers]).to.deep.equal([
      ["<a>", "<b>"],
      ["0"],
      [["x-seen", "1"]],
    ]);
  });

  it("is not asked for what is no method", () => {
    for (const path of ["/", "/x", "//x", "/a/b/c", "a/b", "/a/"]) {
      expect(unknownMethod(path, echoBytes), path).to.equal(undefined);
    }
  });

  it("that yields no bytes has failed", async () => {
    const fake = new FakeCall(unknownMethod("/a/b", () => ["text"] as never)!).sendLast("a");
    await settle();
    expect(fake.ends).to.deep.equal(["13 The response message could not be encoded"]);
  });
});

describe("the server's own deadlines", () => {
  const waiting = textMethod("unary", () => new Promise(() => {}));

  it("end a call whose client names none, and one that names a later one", () => {
    const host = new TestHost();
    host.timeouts = { defaultMs: 1000, maxMs: 5000 };
    expect(new FakeCall(waiting, host).call.timeLeftMs).to.be.within(900, 1000);
    expect(new FakeCall(waiting, host, 200).call.timeLeftMs).to.be.within(100, 200);
    expect(new FakeCall(waiting, host, 60_000).call.timeLeftMs).to.be.within(4900, 5000);
    expect(new FakeCall(waiting).call.timeLeftMs).to.equal(Number.POSITIVE_INFINITY);
  });
});

describe("no interceptors", () => {
  it("are no chain at all", () => {
    expect(chain([])).to.equal(null);
  });
});
