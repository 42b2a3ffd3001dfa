import { status } from "@grpc/grpc-js";
import { expect } from "chai";
import { statusOfThrown } from "../../src/compat/grpc-js/status.ts";

const VARIABLE = "GRPC_NODE_DEBUG_SEND_ERROR_DETAILS";

describe(`the variable ${VARIABLE}`, () => {
  const before = process.env[VARIABLE];
  afterEach(() => {
    if (before === undefined) delete process.env[VARIABLE];
    else process.env[VARIABLE] = before;
  });

  it("sends the text of what a handler threw, which is kept back otherwise", () => {
    delete process.env[VARIABLE];
    expect(statusOfThrown(new Error("SECRET"))).to.include({
      code: status.UNKNOWN,
      details: "Unknown error",
    });
    process.env[VARIABLE] = "true";
    expect(statusOfThrown(new Error("SECRET")).details).to.equal("Server method handler threw error SECRET");
  });
});
