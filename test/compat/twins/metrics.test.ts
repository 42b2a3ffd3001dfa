import type { Any } from "./calls.ts";
import { describeTwins } from "./twin.ts";

/** An OrcaLoadReportRequest. */
const EVERY_10_MS = Buffer.from([0x0a, 0x05, 0x10, 0x80, 0xad, 0xe2, 0x04]);

describeTwins("metrics", (same) => {
  const recording = {
    unary(call: Any, callback: Any) {
      const recorder = call.getMetricsRecorder();
      recorder.recordCPUUtilizationMetric(0.5);
      recorder.recordMemoryUtilizationMetric(0.25);
      recorder.recordApplicationUtilizationMetric(0.75);
      recorder.recordQpsMetric(10);
      recorder.recordEpsMetric(1);
      recorder.recordRequestCostMetric("db", 2);
      recorder.recordUtilizationMetric("disk", 0.1);
      recorder.recordNamedMetric("queue", 7);
      callback(null, "x");
    },
  };
  const KEY = "endpoint-load-metrics-bin";
  same(
    "of a call are a trailer when the option says so",
    async (twin) => {
      const other = twin.withOptions({ "grpc.server_call_metric_recording": 1 });
      await other.serve(recording);
      return (await other.call("Unary")).trailers[KEY];
    },
    "bytes ",
    {
      answer:
        "bytes 09000000000000e03f11000000000000d03f220d0a026462110000000000000040" +
        "2a0f0a046469736b119a9999999999b93f31000000000000244039000000000000f03f42100a057175657565110000000000001c4049000000000000e83f",
      because: "what was recorded is sent",
    },
  );
  same(
    "of a call are not sent otherwise",
    async (twin) => {
      await twin.serve(recording);
      return KEY in (await twin.call("Unary")).trailers;
    },
    false,
  );
  same(
    "of the server are served out of band",
    async (twin) => {
      const recorder = new twin.grpc.ServerMetricRecorder();
      recorder.setCpuUtilizationMetric(0.5);
      recorder.putUtilizationMetric("disk", 0.25);
      recorder.addToServer(twin.server as Any);
      twin.port = await twin.bind();
      const client = twin.client;
      const call = client.makeServerStreamRequest(
        "/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics",
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
        EVERY_10_MS,
      );
      const first = await new Promise<Buffer>((resolve) => call.on("data", resolve).on("error", () => {}));
      call.cancel();
      return first.includes("disk");
    },
    true,
  );
});
