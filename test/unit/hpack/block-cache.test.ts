import { expect } from "chai";
import { BlockCache } from "../../../src/http2/hpack/block-cache.ts";
import { octets, roomyDecoder } from "./support.ts";

const block = (...bytes: number[]) => Buffer.from(bytes);

describe("the cache of header blocks", () => {
  it("finds the value of the same octets, wherever they stand", () => {
    const cache = new BlockCache<string>();
    cache.put(block(1, 2, 3), 0, 3, 0, "value");
    expect(cache.get(block(9, 1, 2, 3, 9), 1, 4, 0)).to.equal("value");
  });

  it("finds nothing for other octets, also when only one in the middle differs", () => {
    const cache = new BlockCache<string>();
    const bytes = Buffer.alloc(400, 7);
    cache.put(bytes, 0, 400, 0, "value");
    for (let i = 0; i < 400; i++) {
      const other = Buffer.from(bytes);
      other[i] = 8;
      expect(cache.get(other, 0, 400, 0)).to.equal(undefined);
    }
    expect(cache.get(bytes, 0, 399, 0)).to.equal(undefined);
  });

  it("finds nothing in another generation, and starts afresh there", () => {
    const cache = new BlockCache<string>();
    cache.put(block(1), 0, 1, 5, "old");
    expect(cache.get(block(1), 0, 1, 6)).to.equal(undefined);
    cache.put(block(2), 0, 1, 6, "new");
    expect(cache.get(block(1), 0, 1, 6)).to.equal(undefined);
    expect(cache.get(block(2), 0, 1, 6)).to.equal("new");
  });

  it("keeps copies: the memory of the block may be used again", () => {
    const cache = new BlockCache<string>();
    const bytes = block(1, 2, 3);
    cache.put(bytes, 0, 3, 0, "value");
    bytes.fill(0);
    expect(cache.get(bytes, 0, 3, 0)).to.equal(undefined);
    expect(cache.get(block(1, 2, 3), 0, 3, 0)).to.equal("value");
  });

  it("holds eight blocks and lets the oldest go", () => {
    const cache = new BlockCache<number>();
    for (let i = 0; i < 9; i++) cache.put(block(i, i), 0, 2, 0, i);
    const found = Array.from({ length: 9 }, (_, i) => cache.get(block(i, i), 0, 2, 0));
    expect(found).to.deep.equal([undefined, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("uses a place again for a longer block and for a shorter one", () => {
    const cache = new BlockCache<string>();
    cache.put(block(1, 2, 3, 4), 0, 4, 0, "four");
    cache.put(block(1, 2), 0, 2, 1, "two");
    expect(cache.get(block(1, 2), 0, 2, 1)).to.equal("two");
    expect(cache.get(block(1, 2, 3, 4), 0, 4, 1)).to.equal(undefined);
    cache.put(Buffer.alloc(300, 1), 0, 300, 2, "many");
    expect(cache.get(Buffer.alloc(300, 1), 0, 300, 2)).to.equal("many");
  });

  it("keeps blocks of 512 octets, but neither longer ones nor empty ones", () => {
    const cache = new BlockCache<string>();
    for (const length of [0, 512, 513]) cache.put(Buffer.alloc(length, 1), 0, length, 0, `${length}`);
    const found = [0, 512, 513].map((length) => cache.get(Buffer.alloc(length, 1), 0, length, 0));
    expect(found).to.deep.equal([undefined, "512", undefined]);
  });

  it("goes with a decoder's generation, which only a block that changes the table moves", () => {
    const decoder = roomyDecoder();
    const inserts = octets("8241 0161");
    const repeats = octets("82be 0401 62");
    const start = decoder.generation;
    decoder.decode(inserts, 0, inserts.length);
    const changed = decoder.generation;
    decoder.decode(repeats, 0, repeats.length);
    expect(changed).not.to.equal(start);
    expect(decoder.generation).to.equal(changed);
  });
});
