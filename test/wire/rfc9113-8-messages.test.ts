import { expect } from "chai";
import { FieldSection } from "../../src/exchange.ts";
import { block, data, Flag, FrameType, frame, headers, requestFields, settings } from "../support/frames.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

const request = (more: readonly string[], flags: number = Flag.END_HEADERS | Flag.END_STREAM) =>
  headers(1, requestFields("/", more), flags);
/** The pseudo-header fields of a request, some replaced, some left out. */
const pseudo = (changes: Record<string, string | null>, more: readonly string[] = []) => {
  const fields = { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "test", ...changes };
  return headers(1, [
    ...Object.entries(fields).flatMap(([name, value]) => (value === null ? [] : [name, value])),
    ...more,
  ]);
};

function expectMalformed(bytes: Uint8Array, violation?: string): void {
  const peer = ScriptedPeer.greeted();
  peer.send(bytes);
  peer.expectReset(1, "PROTOCOL_ERROR", violation);
  expect(peer.exchanges.filter(({ abortReason }) => abortReason === null)).to.have.length(0);
}

describe("RFC 9113 section 8.1: messages", () => {
  it("reads trailers", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(request([], Flag.END_HEADERS), data(1, "body"), headers(1, ["x-checksum", "42"]));
    expect(peer.exchanges[0].trailers).to.deep.equal(["x-checksum", "42"]);
  });

  const wrongTrailers: [string, string[], number, string][] = [
    ["without END_STREAM", ["x", "y"], Flag.END_HEADERS, "trailers-without-end-stream"],
    ["with a pseudo-header field", [":path", "/"], 5, "pseudo-field-in-trailers"],
    ["with content-length", ["content-length", "4"], 5, "field-not-allowed-in-trailers"],
    ["with te", ["te", "trailers"], 5, "field-not-allowed-in-trailers"],
    ["with a field name in upper case", ["X", "y"], 5, "field-name-invalid"],
  ];
  for (const [name, fields, flags, violation] of wrongTrailers) {
    it(`resets a stream whose trailers come ${name}`, () => {
      const peer = ScriptedPeer.greeted();
      peer.send(request([], Flag.END_HEADERS), headers(1, fields, flags));
      peer.expectReset(1, "PROTOCOL_ERROR", violation);
    });
  }

  it("resets a stream with DATA or more trailers behind its trailers", () => {
    for (const late of [data(1, "x"), headers(1, ["x", "y"])]) {
      const peer = ScriptedPeer.greeted();
      peer.send(request([], Flag.END_HEADERS), headers(1, ["x", "y"]), late);
      peer.expectReset(1, "STREAM_CLOSED");
    }
  });

  const lengths: [string, string[], string | null, boolean][] = [
    ["equal to the body", ["content-length", "4"], "body", true],
    ["given twice alike", ["content-length", "4", "content-length", "4"], "body", true],
    ["given twice and different", ["content-length", "4", "content-length", "5"], "body", false],
    ["too short", ["content-length", "3"], "body", false],
    ["too long", ["content-length", "5"], "body", false],
    ["with a sign", ["content-length", "+4"], "body", false],
    ["with a list", ["content-length", "4, 4"], "body", false],
    ["zero without a body", ["content-length", "0"], null, true],
    ["not zero, with END_STREAM on HEADERS (h2 0.4.7)", ["content-length", "4"], null, false],
  ];
  for (const [name, fields, body, isFine] of lengths) {
    it(`${isFine ? "takes" : "resets"} a request with a content-length ${name}`, () => {
      const peer = ScriptedPeer.greeted();
      if (body === null) peer.send(request(fields));
      else peer.send(request(fields, Flag.END_HEADERS), data(1, body, Flag.END_STREAM));
      const codes = peer.receiveAll().map(({ type, code }) => `${type} ${code}`);
      expect(codes).to.deep.equal(isFine ? [] : ["RST_STREAM PROTOCOL_ERROR"]);
    });
  }

  it("resets a request whose trailers come before its announced length", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(request(["content-length", "9"], Flag.END_HEADERS), data(1, "body"), headers(1, ["x", "y"]));
    peer.expectReset(1, "PROTOCOL_ERROR", "content-length-mismatch");
  });
});

describe("RFC 9113 section 8.2: fields", () => {
  const badNames = ["", "a b", "a\0", "A", "a:b", ":a", "a\x7f", "a\x80", "a\n"];
  for (const name of badNames) {
    it(`resets a request with the field name ${JSON.stringify(name)}`, () =>
      expectMalformed(request([name, "x"])));
  }

  for (const value of ["a\0b", "a\rb", "a\nb", " a", "a ", "\ta", "a\t"]) {
    it(`resets a request with the field value ${JSON.stringify(value)}`, () =>
      expectMalformed(request(["x", value])));
  }

  for (const value of ["", "a b", "a\tb", "ü"]) {
    it(`takes a request with the field value ${JSON.stringify(value)}`, () => {
      const peer = ScriptedPeer.greeted();
      peer.send(request(["x", value]));
      expect(peer.exchanges[0].exchange.head.get("x")).to.equal(value);
    });
  }

  for (const name of ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"]) {
    it(`resets a request with ${name}`, () =>
      expectMalformed(request([name, "x"]), "connection-specific-field"));
  }

  it("takes te: trailers, and no other te", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(request(["te", "trailers"]));
    expect(peer.exchanges).to.have.length(1);
    expectMalformed(request(["te", "gzip"]), "te-not-trailers");
  });

  it("keeps the HPACK table of a malformed request (CVE-2024-7246)", () => {
    const peer = ScriptedPeer.greeted();
    // "x: y" goes into the table, then "A: b" makes the request malformed.
    const malformed = Buffer.concat([
      block(requestFields()),
      Buffer.from([0x40, 1, 0x78, 1, 0x79, 0, 1, 0x41, 1, 0x62]),
    ]);
    peer.send(frame(FrameType.HEADERS, 5, 1, malformed));
    peer.expectReset(1, "PROTOCOL_ERROR", "field-name-invalid");
    peer.send(frame(FrameType.HEADERS, 5, 3, Buffer.concat([block(requestFields()), Buffer.from([0xbe])])));
    expect(peer.exchanges[0].exchange.head.fields).to.deep.equal(["x", "y"]);
  });

  it("has no properties of its prototype (CVE-2026-21710)", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(request(["__proto__", "x", "constructor", "y"]));
    const { head } = peer.exchanges[0].exchange;
    expect([head.get("__proto__"), head.get("constructor"), head.get("toString")]).to.deep.equal([
      "x",
      "y",
      undefined,
    ]);
  });
});

describe("RFC 9113 section 8.3: pseudo-header fields", () => {
  for (const name of [":method", ":scheme", ":path"]) {
    it(`resets a request without ${name}`, () =>
      expectMalformed(pseudo({ [name]: null }), "pseudo-field-missing"));
    it(`resets a request with two ${name}`, () => {
      expectMalformed(headers(1, [...requestFields(), name, "x"]), "pseudo-field-duplicate");
    });
  }

  it("resets a request with an empty :path", () => expectMalformed(pseudo({ ":path": "" }), "path-empty"));
  it("resets a request with :status", () =>
    expectMalformed(pseudo({ ":status": "200" }), "pseudo-field-unknown"));
  it("resets a request with an unknown pseudo-header field", () => expectMalformed(pseudo({ ":x": "y" })));
  it("resets a request with a pseudo-header field behind the others", () => {
    expectMalformed(request(["x", "y", ":authority", "b"]), "pseudo-field-after-regular");
  });
  it("resets a request with userinfo in :authority", () => {
    expectMalformed(pseudo({ ":authority": "me@test" }), "authority-userinfo");
  });
  it("resets a request whose host is not its :authority", () => {
    expectMalformed(pseudo({}, ["host", "other"]), "authority-and-host-differ");
  });
  it("resets an extended CONNECT, which we do not offer", () => {
    expectMalformed(
      pseudo({ ":method": "CONNECT", ":protocol": "websocket" }),
      "extended-connect-not-offered",
    );
  });
  it("resets a CONNECT with :scheme or :path", () => expectMalformed(pseudo({ ":method": "CONNECT" })));

  it("answers 400 to two :authority, and to two host", () => {
    for (const fields of [
      [...requestFields().slice(0, 6), ":authority", "a", ":authority", "b"],
      requestFields("/", ["host", "test", "host", "test"]),
    ]) {
      const peer = ScriptedPeer.greeted();
      peer.send(headers(1, fields));
      expect(peer.expect({ type: "HEADERS" }).fields).to.deep.equal([":status", "400"]);
    }
  });

  const authorities: [string, Uint8Array, string][] = [
    ["neither :authority nor host (CVE-2026-84445)", pseudo({ ":authority": null }), ""],
    ["host alone", pseudo({ ":authority": null }, ["host", "a"]), "a"],
    ["both alike", pseudo({ ":authority": "a" }, ["host", "a"]), "a"],
    ["an empty :authority", pseudo({ ":authority": "" }), ""],
  ];
  for (const [name, bytes, authority] of authorities) {
    it(`takes a request with ${name}`, () => {
      const peer = ScriptedPeer.greeted();
      peer.send(bytes);
      expect(peer.exchanges[0].exchange.head.authority).to.equal(authority);
    });
  }

  it("leaves a :path without a leading slash to the layer above, as it came (CVE-2026-33186)", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(pseudo({ ":path": "svc/m" }));
    expect(peer.exchanges[0].exchange.head.path).to.equal("svc/m");
  });
});

describe("RFC 9113 section 8.4: server push", () => {
  const pushing = () =>
    ScriptedPeer.greeted({
      onExchange: (recorded) => {
        if (recorded.exchange.head.path === "/") recorded.exchange.push("/style.css");
        recorded.answer(recorded.exchange.head.path);
      },
    });

  it("promises a GET on the stream that asked, then answers it on a stream of its own", () => {
    const peer = pushing();
    peer.send(headers(1));
    const promise = peer.expect({ type: "PUSH_PROMISE", streamId: 1 });
    expect(promise.payload.readUInt32BE(0)).to.equal(2);
    expect(promise.fields).to.deep.equal([
      ":method",
      "GET",
      ":scheme",
      "http",
      ":authority",
      "test",
      ":path",
      "/style.css",
    ]);
    expect(peer.receiveAll().map(({ type, streamId }) => `${type} ${streamId}`)).to.deep.equal([
      "HEADERS 2",
      "DATA 2",
      "DATA 2",
      "HEADERS 1",
      "DATA 1",
      "DATA 1",
    ]);
  });

  it("never promises to a client that does not allow it", () => {
    const peer = pushing();
    peer.send(settings([2, 0]), headers(1));
    expect(peer.receiveAll().map(({ type }) => type)).to.not.include("PUSH_PROMISE");
  });

  it("keeps to the client's limit of streams", () => {
    const peer = pushing();
    peer.send(settings([3, 0]), headers(1));
    expect(peer.receiveAll().map(({ type }) => type)).to.not.include("PUSH_PROMISE");
  });

  it("does not push from a pushed stream, nor after the request was answered", () => {
    const results: boolean[] = [];
    const peer = ScriptedPeer.greeted({
      onExchange: ({ exchange }) => {
        if (exchange.head.path === "/") results.push(exchange.push("/a"));
        else results.push(exchange.push("/b"));
        exchange.respondAndEnd(new FieldSection(204, []));
        results.push(exchange.push("/c"));
      },
    });
    peer.send(headers(1));
    expect(results).to.deep.equal([false, false, true, false]);
  });

  it("keeps to our own limit of streams when the client sets none and takes nothing", () => {
    const results: boolean[] = [];
    const peer = ScriptedPeer.greeted({
      limits: { maxConcurrentStreams: 3 },
      onExchange: (recorded) => {
        const isFirst = recorded.exchange.head.path === "/";
        if (isFirst) for (let i = 0; i < 4; i++) results.push(recorded.exchange.push(`/${i}`));
        else recorded.answer("body");
      },
    });
    peer.send(settings([4, 0]), headers(1));
    expect(results).to.deep.equal([true, true, true, false]);
  });

  it("promises nothing that one frame does not hold", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    expect(peer.exchanges[0].exchange.push(`/${"x".repeat(16_384)}`)).to.equal(false);
    expect(peer.exchanges[0].exchange.push("/x")).to.equal(true);
    peer.expect({ type: "PUSH_PROMISE", streamId: 1 });
  });

  it("ends a promised stream that the client refuses", () => {
    const peer = ScriptedPeer.greeted();
    peer.send(headers(1));
    peer.exchanges[0].exchange.push("/a");
    peer.send(frame(FrameType.RST_STREAM, 0, 2, Buffer.from([0, 0, 0, 8])));
    expect(peer.exchanges[1].abortReason).to.equal("reset-by-peer");
  });
});
