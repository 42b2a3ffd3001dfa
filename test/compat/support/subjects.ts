import * as grpcJs from "@grpc/grpc-js";
import * as yodel from "../../../src/compat/grpc-js/index.ts";

export type GrpcModule = typeof grpcJs;

/** One of the twins: a module that offers grpc-js's names. */
export interface Subject {
  readonly name: "grpc-js" | "yodel";
  readonly grpc: GrpcModule;
}

const twins: readonly Subject[] = [
  { name: "grpc-js", grpc: grpcJs },
  // Its Server has private parts of its own, which is all that TypeScript could object to.
  { name: "yodel", grpc: yodel as unknown as GrpcModule },
];

/** Both twins, or the one that the environment variable YODEL_TWIN names. */
export const subjects = twins.filter(({ name }) => name === (process.env.YODEL_TWIN ?? name));
