// Preloaded into the peers that run on Node's own servers: with Node's backlog of 511 a part of a thousand connections
// that come at once is turned away, and h2load then waits for ever. Yodel asks for as many by itself.
import { Server } from "node:net";

const { listen } = Server.prototype;

Server.prototype.listen = function listenWithBacklog(options, ...rest) {
  const isObject = typeof options === "object" && options !== null;
  return listen.call(this, isObject ? { backlog: 4096, ...options } : options, ...rest);
};
