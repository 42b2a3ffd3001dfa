// Starts the interop server of server.ts on a checkout however fresh: the packages are installed first, if need be. One
// process, so that a signal to it ends it.
import { setUp } from "../../scripts/setup.mjs";

await setUp("install");
// Not before the packages are there: it is one.
const { tsImport } = await import("tsx/esm/api");
await tsImport("./server.ts", import.meta.url);
