// A bare node:http2 'stream' handler that answers every request with the same gRPC-shaped reply and decodes nothing:
// the most that any framework on node:http2 can reach.
import { createServer } from "node:http2";

const message = Buffer.from("Hello, world!");
const reply = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length + 2, 0x0a, message.length]), message]);
const headers = { ":status": 200, "content-type": "application/grpc+proto" };
const trailers = { "grpc-status": "0" };

const server = createServer();
server.on("stream", (stream) => {
  stream.on("data", () => {});
  stream.once("end", () => {
    stream.respond(headers, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers(trailers));
    stream.end(reply);
  });
  stream.on("error", () => {}); // A client that leaves resets its streams; nothing is to be done about it.
});
server.listen({ port: 0, host: "127.0.0.1" }, () =>
  console.log(`listening on 127.0.0.1:${server.address().port}`),
);
