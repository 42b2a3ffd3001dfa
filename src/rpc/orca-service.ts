import { setTimeout as wait } from "node:timers/promises";
import { vendoredSchema } from "../schema/vendored.ts";
import type { CallContext } from "./call-context.ts";
import type { LoadReport } from "./load-report.ts";
import { type ServiceImplementation, serviceOf } from "./service.ts";

/** Node's timers hold 31 bits of milliseconds; a longer one would fire at once. */
const LONGEST_TIMER_MS = 0x7fff_ffff;
const NAME = "xds.service.orca.v3.OpenRcaService";

interface ReportRequest {
  readonly reportInterval: { readonly seconds: string; readonly nanos: number } | null;
}

/**
 * The service by which clients that balance load are told, out of band, how loaded this server is (gRPC proposal A51).
 *
 * @param report what is told: its values are read each time, so keep them up to date
 * @param minIntervalMs clients that ask for reports more often get them at this interval
 */
export function orcaService(report: LoadReport, minIntervalMs = 30_000): ServiceImplementation {
  const handlers = {
    async *streamCoreMetrics({ reportInterval }: ReportRequest, { signal }: CallContext) {
      const intervalMs = Math.min(LONGEST_TIMER_MS, Math.max(minIntervalMs, toMs(reportInterval)));
      for (;;) {
        yield report;
        await wait(intervalMs, undefined, { signal, ref: false });
      }
    },
  };
  // Ours, and tested to be there.
  return serviceOf(vendoredSchema("xds").services.get(NAME)!, handlers);
}

function toMs(interval: ReportRequest["reportInterval"]): number {
  return interval === null ? 0 : Number(interval.seconds) * 1000 + interval.nanos / 1e6;
}
