import { vendoredCodec } from "../schema/vendored.ts";

/** The trailer that holds a call's report (gRPC proposal A51). */
export const LOAD_REPORT_KEY = "endpoint-load-metrics-bin";

/** How loaded a server is, or what a call has cost (xds/data/orca/v3/orca_load_report.proto). What is absent is not told. */
export class LoadReport {
  /** Of the CPU it may use: 1 is all of it; may be more. */
  cpuUtilization?: number;
  /** Of the memory it may use, from 0 to 1. */
  memUtilization?: number;
  /** Of whatever limits the application: 1 is all of it; may be more. */
  applicationUtilization?: number;
  /** Requests per second. */
  rpsFractional?: number;
  /** Errors per second. */
  eps?: number;
  /** Costs of one call, in units of their own, by name. */
  requestCost: Record<string, number> = {};
  /** Further utilizations from 0 to 1, by name. */
  utilization: Record<string, number> = {};
  /** Anything else, by name. */
  namedMetrics: Record<string, number> = {};
}

/** @throws TypeError when a value is no number */
export function encodeLoadReport(report: LoadReport): Uint8Array {
  return vendoredCodec("xds", "xds.data.orca.v3.OrcaLoadReport").encode(report);
}
