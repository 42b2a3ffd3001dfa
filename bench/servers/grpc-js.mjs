// helloworld.Greeter on @grpc/grpc-js's own Server, plaintext: the peer whose code Yodel can take over. With the argument
// `compat` the same code runs on Yodel's Server in its place.
import { fileURLToPath } from "node:url";
import { loadSync } from "@grpc/proto-loader";

const module = process.argv[2] === "compat" ? "../../dist/compat/grpc-js/index.js" : "@grpc/grpc-js";
const { loadPackageDefinition, Server, ServerCredentials } = await import(module);

const protoFolder = fileURLToPath(new URL("../../proto", import.meta.url));
const { helloworld } = loadPackageDefinition(
  loadSync("helloworld/greeter.proto", { includeDirs: [protoFolder] }),
);

const greet = (name) => ({ message: `Hello, ${name || "world"}!` });

const server = new Server();
server.addService(helloworld.Greeter.service, {
  sayHello(call, callback) {
    callback(null, greet(call.request.name));
  },
  sayHelloStreamReply(call) {
    for (const greeting of ["Hello", "Hei", "Hola"]) {
      call.write({ message: `${greeting}, ${call.request.name || "world"}!` });
    }
    call.end();
  },
  sayHelloBidiStream(call) {
    call.on("data", (request) => call.write(greet(request.name)));
    call.on("end", () => call.end());
  },
  sayHelloToAll(call, callback) {
    const names = [];
    call.on("data", (request) => names.push(request.name));
    call.on("end", () => callback(null, greet(names.join(", "))));
  },
});

server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
