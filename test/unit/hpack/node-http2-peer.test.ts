import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { expect } from "chai";
import { HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import { RawPeer } from "./raw-peer.ts";
import { encodeBlock, encodeFixedBlock, roomyDecoder } from "./support.ts";

/** The same as one object of Node's: names to values. */
function toObject(fields: readonly string[]): Record<string, string> {
  const object: Record<string, string> = {};
  for (let i = 0; i < fields.length; i += 2) object[fields[i]] = fields[i + 1];
  return object;
}

/** Requests that repeat themselves, change, hold secrets, are long and are hardly compressible. */
function requestFields(round: number): string[] {
  return [
    ":method",
    "POST",
    ":scheme",
    "http",
    ":path",
    `/helloworld.Greeter/SayHello${round % 3}`,
    ":authority",
    "localhost",
    "content-type",
    "application/grpc",
    "te",
    "trailers",
    "authorization",
    "Bearer secret",
    "x-request-id",
    `id-${round}`,
    "x-long",
    "abc{}|~ ".repeat(round * 5 + 1).trim(),
    "x-latin1",
    "\xe9\xff\x80",
  ];
}

const ROUNDS = 20;
const head = { status: 200, fields: ["content-type", "application/grpc", "x-fixed", "same"] };
const trailers = { status: 0, fields: ["grpc-status", "0"] };

/** The response of Node's server: what changes and what does not. */
const responseFields = (round: number) => ({
  "content-type": "application/grpc",
  "x-round": String(round),
  "x-parity": String(round % 2),
  "set-cookie": ["a=1", "b=2"],
  "x-long": "=\\^".repeat(round * 10),
});

describe("HPACK with Node's own HTTP/2 client", () => {
  for (const tableSize of [4096, 0, 200, 65_536]) {
    it(`understands it and is understood, with a header table of ${tableSize} octets at the client`, async () => {
      const listener = net.createServer().listen(0, "127.0.0.1");
      await once(listener, "listening");
      const { port } = listener.address() as net.AddressInfo;
      const accepted = once(listener, "connection") as Promise<[net.Socket]>;
      const client = http2.connect(`http://127.0.0.1:${port}`, { settings: { headerTableSize: tableSize } });
      const raw = new RawPeer((await accepted)[0]);
      const encoder = new HpackEncoder();
      const decoder = roomyDecoder();
      const events = { onTableSize: (size: number) => encoder.setPeerTableSize(size) };
      await raw.readPreface();
      raw.sendSettings();

      for (let round = 0; round < ROUNDS; round++) {
        const fields = requestFields(round);
        const request = client.request(toObject(fields), { endStream: true });
        const { streamId, block } = await raw.readHeaders(events);
        const decoded = decoder.decode(block, 0, block.length).fields;
        expect(toObject(decoded)).to.deep.equal(toObject(fields));

        const variable = [
          "x-round",
          String(round),
          "x-text",
          "~{}".repeat(round * 3),
          "x-latin1",
          "\xe9\xff",
        ];
        const all = { status: 302, fields: variable };
        const response = once(request, "response");
        const ended = once(request, "trailers");
        const section = round % 2 === 0 ? head : all;
        raw.sendHeaders(
          streamId,
          round % 2 === 0 ? encodeFixedBlock(encoder, head) : encodeBlock(encoder, 302, variable),
          false,
        );
        raw.sendHeaders(streamId, encodeFixedBlock(encoder, trailers), true);
        expect({ ...(await response)[0] }).to.deep.include({
          ":status": section.status,
          ...toObject(section.fields),
        });
        expect({ ...(await ended)[0] }).to.deep.include(toObject(trailers.fields));
        request.resume();
      }
      client.destroy();
      await raw.close();
      listener.close();
    });
  }

  it("follows it when it empties the table and fills it again between two blocks", async () => {
    const listener = net.createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as net.AddressInfo;
    const accepted = once(listener, "connection") as Promise<[net.Socket]>;
    const client = http2.connect(`http://127.0.0.1:${port}`);
    const raw = new RawPeer((await accepted)[0]);
    const encoder = new HpackEncoder();
    const decoder = roomyDecoder();
    const sizes: number[] = [];
    const events = {
      onTableSize(size: number) {
        sizes.push(size);
        encoder.setPeerTableSize(size);
      },
    };
    await raw.readPreface();
    raw.sendSettings();
    const exchange = async () => {
      const request = client.request({ ":path": "/" }, { endStream: true });
      const { streamId, block } = await raw.readHeaders(events);
      decoder.decode(block, 0, block.length);
      const response = once(request, "response");
      const sent = encodeFixedBlock(encoder, head);
      raw.sendHeaders(streamId, sent, true);
      expect({ ...(await response)[0] }).to.deep.include(toObject(head.fields));
      request.resume();
      return sent.toString("hex");
    };
    await exchange();
    await exchange();
    client.settings({ headerTableSize: 0 });
    client.settings({ headerTableSize: 4096 });
    expect(await exchange()).to.match(/^203fe11f88/);
    expect(sizes.slice(-2)).to.deep.equal([0, 4096]);
    expect(await exchange()).to.equal("88bfbe");
    client.destroy();
    await raw.close();
    listener.close();
  });
});

describe("HPACK with Node's own HTTP/2 server", () => {
  for (const tableSize of [undefined, 0, 200, 65_536]) {
    it(`understands it and is understood, with our header table of ${tableSize ?? "unsaid"} octets`, async () => {
      const server = http2.createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const seen: unknown[] = [];
      server.on("stream", (stream, headers) => {
        const round = seen.push({ ...headers }) - 1;
        stream.respond({ ":status": 200 + (round % 4), ...responseFields(round) }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(round % 2) }));
        stream.end();
      });
      const socket = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
      const raw = new RawPeer(socket);
      const encoder = new HpackEncoder();
      const decoder = roomyDecoder();
      const events = {
        onTableSize: (size: number) => encoder.setPeerTableSize(size),
        onAck: () => decoder.setMaxTableSize(tableSize ?? 4096),
      };
      raw.sendPreface();
      raw.sendSettings(tableSize);

      const read = async () => {
        const { block } = await raw.readHeaders(events);
        return decoder.decode(block, 0, block.length).fields;
      };
      for (let round = 0; round < ROUNDS; round++) {
        const fields = requestFields(round);
        raw.sendHeaders(round * 2 + 1, encodeBlock(encoder, 0, fields), true);
        const { "set-cookie": cookies, ...others } = responseFields(round);
        const response = await read();
        expect(toObject(response)).to.deep.include({ ":status": String(200 + (round % 4)), ...others });
        expect(response.filter((_, i) => response[i - 1] === "set-cookie")).to.deep.equal(cookies);
        expect(await read()).to.deep.equal(["grpc-status", String(round % 2)]);
        expect(seen[round]).to.deep.include(toObject(fields));
      }
      await raw.close();
      server.close();
      await once(server, "close");
    });
  }
});
