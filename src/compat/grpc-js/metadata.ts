import { Metadata as GrpcMetadata } from "@grpc/grpc-js";
import { Metadata } from "../../index.ts";

/** The rich part of a status, which grpc-js's users put among the metadata. */
const DETAILS_KEY = "grpc-status-details-bin";

/** The metadata that a client sent, as grpc-js hands it to handlers: the texts of one key are one, as Node joins them. */
export function toGrpcMetadata(metadata: Metadata): GrpcMetadata {
  const result = new GrpcMetadata();
  for (const [key, value] of metadata) {
    if (typeof value !== "string") {
      result.add(key, Buffer.from(value));
      continue;
    }
    const [before] = result.get(key);
    result.set(key, before === undefined ? value : `${before}${key === "cookie" ? ";" : ","} ${value}`);
  }
  return result;
}

/** What handlers send, without what the protocol keeps to itself: a handler cannot overwrite `grpc-status`. */
export function fromGrpcMetadata(metadata: GrpcMetadata): Metadata {
  const result = new Metadata();
  copyMetadata(metadata, result);
  return result;
}

export function copyMetadata(from: GrpcMetadata, to: Metadata): void {
  for (const key of Object.keys(from.getMap())) {
    if (Metadata.isReserved(key)) continue;
    for (const value of from.get(key)) to.append(key, value);
  }
}

/** The google.rpc.Status among the metadata, if there is one. */
export function detailsOf(metadata: GrpcMetadata): Uint8Array | undefined {
  const [details] = metadata.get(DETAILS_KEY);
  return typeof details === "object" ? details : undefined;
}
