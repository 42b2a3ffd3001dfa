import { once } from "node:events";
import { Metadata, status } from "@grpc/grpc-js";
import { expect } from "chai";
import { GrpcClient } from "../support/grpc-client.ts";
import { greeterArguments, probeArguments, ServerProcess } from "../support/server-process.ts";

async function textsOf(stream: AsyncIterable<Record<string, string>>, field: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of stream) texts.push(message[field]);
  return texts;
}

for (const [security, open] of [
  ["TLS", GrpcClient.overTls],
  ["plaintext", GrpcClient.overPlaintext],
] as const) {
  describe(`the Node client of gRPC over ${security}`, () => {
    let server: ServerProcess;
    let client: GrpcClient;
    before(async () => {
      server = await ServerProcess.start(greeterArguments);
      client = open("Greeter", server);
    });
    after(async () => {
      client.close();
      await server.stop();
    });

    it("gets one reply to one request", async () => {
      const { reply, error } = await client.unary("SayHello", { name: "you" });
      expect(error).to.equal(null);
      expect(reply).to.deep.equal({ message: "Hello, you!" });
    });

    it("gets a stream of replies", async () => {
      const replies = await textsOf(client.serverStream("SayHelloStreamReply", { name: "you" }), "message");
      expect(replies).to.deep.equal([
        "Hello, you!",
        "Hallo, you!",
        "Bonjour, you!",
        "Hola, you!",
        "Ciao, you!",
      ]);
    });

    it("gets one reply to a stream of requests", async () => {
      const names = ["Ann", "Bob", ""].map((name) => ({ name }));
      expect(await client.clientStream("SayHelloToAll", names)).to.deep.equal({
        message: "Hello, Ann, Bob, world!",
      });
    });

    it("gets a reply to each request before it sends the next one", async () => {
      const call = client.bidi("SayHelloBidiStream");
      for (const name of ["Ann", "Bob"]) {
        call.write({ name });
        const [reply] = await once(call, "data");
        expect(reply).to.deep.equal({ message: `Hello, ${name}!` });
      }
      call.end();
      call.resume();
      const [end] = await once(call, "status");
      expect(end.code).to.equal(status.OK);
    });

    it("gets a hundred replies at once", async () => {
      const names = Array.from({ length: 100 }, (_, i) => String(i));
      const outcomes = await Promise.all(names.map((name) => client.unary("SayHello", { name })));
      expect(outcomes.map(({ reply }) => reply?.["message"])).to.deep.equal(
        names.map((name) => `Hello, ${name}!`),
      );
    });

    it("is told that a service is not there", async () => {
      const other = open("Probe", server);
      const { error } = await other.unary("Echo", { text: "" });
      other.close();
      expect(error?.code).to.equal(status.UNIMPLEMENTED);
      expect(error?.details).to.contain("/test.Probe/Echo");
    });
  });
}

describe("what the Node client of gRPC asks of a call", () => {
  let server: ServerProcess;
  let client: GrpcClient;
  before(async () => {
    server = await ServerProcess.start(probeArguments);
    client = GrpcClient.overTls("Probe", server);
  });
  after(async () => {
    client.close();
    await server.stop();
  });

  it("metadata, of text and of bytes, comes back in headers and trailers", async () => {
    const metadata = new Metadata();
    metadata.add("x-echo", "one");
    metadata.add("x-echo", "two");
    const bytes = Buffer.from([0, 1, 0xfe, 0xff]);
    metadata.add("x-echo-bin", bytes);
    const { headers, trailers, reply } = await client.unary("Echo", { text: "a" }, metadata);
    expect(reply).to.deep.equal({ text: "a" });
    for (const received of [headers, trailers]) {
      expect(received?.get("x-echo").join(", ")).to.equal("one, two");
      expect(received?.get("x-echo-bin")).to.deep.equal([bytes]);
    }
  });

  it("a status comes with its text", async () => {
    const { error } = await client.unary("Fail", { text: "status" });
    expect(error?.code).to.equal(status.FAILED_PRECONDITION);
    expect(error?.details).to.equal("not 100% ready ☺");
  });

  it("an error of the handler comes without its text, which goes to the log", async () => {
    const { error } = await client.unary("Fail", { text: "SECRET-42" });
    expect(error?.code).to.equal(status.UNKNOWN);
    expect(error?.details).to.not.contain("SECRET");
    await server.output(/A handler failed/);
    await server.output(/SECRET-42/);
  });

  it("a cancellation reaches the handler", async () => {
    const call = client.start("Wait", { text: "cancelled" });
    // The next call is answered behind this one on the same connection, so this one has begun.
    await client.unary("Echo", { text: "" });
    call.cancel();
    expect((await call.outcome).error?.code).to.equal(status.CANCELLED);
    const { reply } = await client.unary("AbortOf", { text: "cancelled" });
    expect(reply).to.deep.equal({ text: String(status.CANCELLED) });
  });

  it("a deadline ends the call on both sides", async () => {
    const options = { deadline: Date.now() + 200 };
    const { error } = await client.unary("Wait", { text: "late" }, new Metadata(), options);
    expect(error?.code).to.equal(status.DEADLINE_EXCEEDED);
    const { reply } = await client.unary("AbortOf", { text: "late" });
    // The client gives up at the same moment, and either may be first.
    expect(Number(reply?.["text"])).to.be.oneOf([status.DEADLINE_EXCEEDED, status.CANCELLED]);
  });

  it("ten megabytes come in order through the windows, and a slow reader loses none", async () => {
    const call = client.serverStream("Pour", { text: "10240" });
    let bytes = 0;
    for await (const { text } of call) bytes += text.length;
    expect(bytes).to.equal(10_240 * 1024);
  });

  it("a message above the limit ends in RESOURCE_EXHAUSTED, and the connection lives", async () => {
    const { error } = await client.unary("Echo", { text: "a".repeat(4 * 1024 * 1024) });
    expect(error?.code).to.equal(status.RESOURCE_EXHAUSTED);
    expect((await client.unary("Echo", { text: "alive" })).reply).to.deep.equal({ text: "alive" });
  });

  it("a message of nearly four megabytes comes back", async () => {
    const text = "a".repeat(4 * 1024 * 1024 - 100);
    expect((await client.unary("Echo", { text })).reply).to.deep.equal({ text });
  });
});
