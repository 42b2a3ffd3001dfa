import { fileURLToPath } from "node:url";
import { type handleUnaryCall, makeClientConstructor, type ServiceDefinition, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { expect } from "chai";
import { defer } from "./support/defer.ts";
import type { Message } from "./support/service.ts";
import { describeTwins, type Twin } from "./support/twins.ts";

const KEY = "endpoint-load-metrics-bin";

const protoFolder = fileURLToPath(new URL("../../node_modules/@grpc/grpc-js/proto", import.meta.url));
const orca = loadSync("xds/service/orca/v3/orca.proto", {
  keepCase: true,
  defaults: false,
  includeDirs: [`${protoFolder}/xds`, `${protoFolder}/protoc-gen-validate`],
});
const { StreamCoreMetrics } = orca["xds.service.orca.v3.OpenRcaService"] as ServiceDefinition;
const definition = { StreamCoreMetrics } as ServiceDefinition;

type Report = Record<string, unknown>;

const reportOf = (bytes: unknown): Report =>
  StreamCoreMetrics!.responseDeserialize(bytes as Buffer) as Report;

/** A handler that records something of each sort. */
const recording: handleUnaryCall<Message, Message> = (call, callback) => {
  const recorder = call.getMetricsRecorder();
  recorder.recordCPUUtilizationMetric(0.5);
  recorder.recordMemoryUtilizationMetric(0.25);
  recorder.recordApplicationUtilizationMetric(0.75);
  recorder.recordQpsMetric(10);
  recorder.recordEpsMetric(1);
  recorder.recordRequestCostMetric("queries", 2);
  recorder.recordUtilizationMetric("disk", 0.125);
  recorder.recordNamedMetric("queue", 7);
  callback(null, call.request);
};

const recorded: Report = {
  cpu_utilization: 0.5,
  mem_utilization: 0.25,
  application_utilization: 0.75,
  rps_fractional: 10,
  eps: 1,
  request_cost: { queries: 2 },
  utilization: { disk: 0.125 },
  named_metrics: { queue: 7 },
};

describeTwins("metrics of a call", (twin) => {
  const options = { "grpc.server_call_metric_recording": 1 };

  it("are sent at its end, when the server is told to", async () => {
    const { client } = await twin.serve({ unary: recording }, { options });
    const { [KEY]: values = [] } = (await client.unary()).trailers;
    expect(values.map(reportOf)).to.deep.equal([recorded]);
  });

  it("are not sent otherwise", async () => {
    const { client } = await twin.serve({ unary: recording });
    expect(await client.unary()).to.deep.include({ code: status.OK, trailers: {} });
  });

  it("are sent with an error", async () => {
    const { client } = await twin.serve(
      {
        unary: (call, callback) => {
          call.getMetricsRecorder().recordCPUUtilizationMetric(0.5);
          callback({ code: status.ABORTED, details: "x" });
        },
      },
      { options },
    );
    const { code, trailers } = await client.unary();
    expect([code, trailers[KEY]?.map(reportOf)]).to.deep.equal([status.ABORTED, [{ cpu_utilization: 0.5 }]]);
  });

  it("are sent with a stream", async () => {
    const { client } = await twin.serve(
      {
        serverStream: (call) => {
          call.write(call.request);
          call.getMetricsRecorder().recordNamedMetric("replies", 1);
          call.end();
        },
      },
      { options },
    );
    const { trailers } = await client.serverStream();
    expect(trailers[KEY]?.map(reportOf)).to.deep.equal([{ named_metrics: { replies: 1 } }]);
  });

  it("are of this call only", async () => {
    const { client } = await twin.serve(
      {
        unary: (call, callback) => {
          call.getMetricsRecorder().recordNamedMetric(call.request.text, 1);
          callback(null, call.request);
        },
      },
      { options },
    );
    const outcomes = await Promise.all(["a", "b"].map((text) => client.unary({ text })));
    expect(outcomes.map(({ trailers }) => trailers[KEY]?.map(reportOf))).to.deep.equal([
      [{ named_metrics: { a: 1 } }],
      [{ named_metrics: { b: 1 } }],
    ]);
  });

  it("have one recorder", async () => {
    const seen = defer<unknown[]>();
    const { client } = await twin.serve({
      unary: (call, callback) => {
        seen.resolve([call.getMetricsRecorder(), call.getMetricsRecorder()]);
        callback(null, call.request);
      },
    });
    await client.unary();
    const [first, second] = await seen.promise;
    expect(first).to.equal(second);
  });

  it("can be serialized", async () => {
    const seen = defer<Report>();
    const { client } = await twin.serve({
      unary: (call, callback) => {
        recording(call, callback);
        seen.resolve(reportOf(call.getMetricsRecorder().serialize()));
      },
    });
    await client.unary();
    expect(await seen.promise).to.deep.equal(recorded);
  });
});

describeTwins("metrics of a server", (twin) => {
  type Recorder = InstanceType<Twin["grpc"]["ServerMetricRecorder"]>;

  /** The first report to somebody who asks for one every ten milliseconds. */
  async function firstReport(record: (recorder: Recorder) => void): Promise<Report> {
    const recorder = new twin.grpc.ServerMetricRecorder();
    record(recorder);
    const server = twin.createServer();
    recorder.addToServer(server);
    const { target } = await twin.listen(server);
    const Client = makeClientConstructor(definition, "OpenRcaService");
    const client = new Client(target, twin.grpc.credentials.createInsecure());
    twin.cleanUp(() => client.close());
    const call = client["StreamCoreMetrics"]({ report_interval: { seconds: 0, nanos: 10_000_000 } });
    call.on("error", () => {});
    const report = await new Promise<Report>((resolve) => call.once("data", resolve));
    call.cancel();
    return report;
  }

  it("are told to those who ask", async () => {
    const report = await firstReport((recorder) => {
      recorder.setCpuUtilizationMetric(0.5);
      recorder.setApplicationUtilizationMetric(0.75);
      recorder.setQpsMetric(10);
      recorder.setEpsMetric(1);
      recorder.putUtilizationMetric("disk", 0.125);
    });
    expect(report).to.deep.equal({
      cpu_utilization: 0.5,
      application_utilization: 0.75,
      rps_fractional: 10,
      eps: 1,
      utilization: { disk: 0.125 },
    });
  });

  it("can be taken back", async () => {
    const report = await firstReport((recorder) => {
      recorder.setAllUtilizationMetrics({ disk: 0.125, network: 0.5 });
      recorder.deleteUtilizationMetric("disk");
      recorder.setCpuUtilizationMetric(0.5);
      recorder.deleteCpuUtilizationMetric();
      recorder.setApplicationUtilizationMetric(0.5);
      recorder.deleteApplicationUtilizationMetric();
      recorder.setQpsMetric(10);
      recorder.deleteQpsMetric();
      recorder.setEpsMetric(1);
      recorder.deleteEpsMetric();
    });
    expect(report).to.deep.equal({ utilization: { network: 0.5 } });
  });
});
