import { expect, expectIncludes, expectSuccess, runCases } from "../support/cases.mjs";
import { run as runTool } from "../support/process.mjs";
import { protoFolder } from "../support/server.mjs";

export const name = "grpcurl";

const protoArgs = ["-import-path", protoFolder, "-proto", "helloworld/greeter.proto"];

export function run(server) {
  const transports = {
    plaintext: { security: ["-plaintext"], address: server.address },
    TLS: { security: ["-cacert", server.ca], address: `localhost:${server.port}` },
  };
  const cases = {};
  for (const [transport, target] of Object.entries(transports)) {
    const call = (method, json) => callMethod(target, method, json);
    cases[`SayHello, ${transport}`] = async () => {
      expectIncludes(await call("SayHello", '{"name": "Ada"}'), '"message": "Hello, Ada!"');
    };
    cases[`SayHello with an empty name, ${transport}`] = async () => {
      expectIncludes(await call("SayHello", "{}"), '"message": "Hello, world!"');
    };
    cases[`SayHelloStreamReply, ${transport}`] = async () => {
      const output = await call("SayHelloStreamReply", '{"name": "Ada"}');
      expect(output.match(/"message"/g)?.length > 1, `several replies wanted:\n${output}`);
    };
    cases[`SayHelloBidiStream, ${transport}`] = async () => {
      const output = await call("SayHelloBidiStream", '{"name": "Ada"} {"name": "Grace"}');
      expectIncludes(output, "Hello, Ada!");
      expectIncludes(output, "Hello, Grace!");
    };
    cases[`SayHelloToAll, ${transport}`] = async () => {
      const output = await call("SayHelloToAll", '{"name": "Ada"} {"name": "Grace"}');
      expect(/Ada.*Grace/.test(output), `both names wanted in one reply:\n${output}`);
    };
  }
  return runCases(cases);
}

async function callMethod({ security, address }, method, json) {
  const args = [
    ...security,
    ...protoArgs,
    "-max-time",
    "10",
    "-d",
    json,
    address,
    `helloworld.Greeter/${method}`,
  ];
  const result = await runTool("grpcurl", args);
  expectSuccess(result);
  return result.output;
}
