import type { Socket } from "node:net";
import { expect } from "chai";
import { isLocal, peerOf } from "../../../src/transport/peer.ts";

describe("peerOf", () => {
  it("tells both ends of a socket, IPv4 in IPv6's clothes as what it is", () => {
    const socket = {
      remoteAddress: "::ffff:192.0.2.1",
      remotePort: 1,
      localAddress: "2001:db8::1",
      localPort: 2,
    };
    expect(peerOf(socket as Socket)).to.deep.equal({
      address: "192.0.2.1",
      port: 1,
      localAddress: "2001:db8::1",
      localPort: 2,
    });
  });

  it("has an answer for a socket that is closed already", () => {
    expect(peerOf({} as Socket)).to.deep.equal({ address: "", port: 0, localAddress: "", localPort: 0 });
  });
});

describe("isLocal", () => {
  const peer = (localAddress: string) => ({ address: "", port: 0, localAddress, localPort: 0 });
  // Unix domain sockets have no address.
  for (const address of ["127.0.0.1", "127.8.9.10", "::1", ""]) {
    it(`holds for "${address}"`, () => expect(isLocal(peer(address))).to.equal(true));
  }
  for (const address of ["10.0.0.1", "192.0.2.127", "::", "::2", "128.0.0.1", "1127.0.0.1"]) {
    it(`does not hold for "${address}"`, () => expect(isLocal(peer(address))).to.equal(false));
  }
});
