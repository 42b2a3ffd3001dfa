import { expect } from "chai";
import { DynamicTable } from "../../../src/http2/hpack/dynamic-table.ts";
import { TableIndex } from "../../../src/http2/hpack/table-index.ts";

function entriesOf(table: DynamicTable): string[] {
  return Array.from({ length: table.count }, (_, place) => `${table.nameAt(place)}=${table.valueAt(place)}`);
}

describe("the dynamic table (RFC 7541 section 4)", () => {
  it("counts name, value and 32 octets for each entry", () => {
    const table = new DynamicTable(4096, null);
    table.insert("abc", "de");
    expect(table.size).to.equal(37);
  });

  it("has the newest entry first and evicts the oldest", () => {
    const table = new DynamicTable(3 * 34, null);
    for (const name of ["a", "b", "c", "d"]) table.insert(name, "1");
    expect(entriesOf(table)).to.deep.equal(["d=1", "c=1", "b=1"]);
    expect(table.size).to.equal(102);
  });

  it("is emptied by an entry larger than itself, without an error", () => {
    const table = new DynamicTable(100, null);
    table.insert("a", "1");
    table.insert("b", "x".repeat(68));
    expect(table.count).to.equal(0);
    expect(table.size).to.equal(0);
  });

  it("takes an entry of exactly its size", () => {
    const table = new DynamicTable(100, null);
    table.insert("a", "1");
    table.insert("b", "x".repeat(67));
    expect(entriesOf(table)).to.deep.equal([`b=${"x".repeat(67)}`]);
  });

  it("keeps the order while it grows and wraps around", () => {
    const table = new DynamicTable(4096, null);
    for (let i = 0; i < 1000; i++) table.insert("n", String(i % 10));
    expect(table.count).to.equal(120);
    expect(entriesOf(table)).to.deep.equal(Array.from({ length: 120 }, (_, i) => `n=${(999 - i) % 10}`));
  });

  it("evicts when its size is lowered, and stays usable at size 0", () => {
    const table = new DynamicTable(4096, null);
    for (const name of ["a", "b", "c"]) table.insert(name, "1");
    table.setMaxSize(70);
    expect(entriesOf(table)).to.deep.equal(["c=1", "b=1"]);
    table.setMaxSize(0);
    table.insert("d", "1");
    expect(entriesOf(table)).to.deep.equal([]);
    table.setMaxSize(34);
    table.insert("e", "1");
    expect(entriesOf(table)).to.deep.equal(["e=1"]);
  });

  it("starts a new generation with each insertion, eviction and change of size", () => {
    const table = new DynamicTable(34, null);
    const generations = [table.generation];
    table.insert("a", "1");
    generations.push(table.generation);
    table.insert("b", "1");
    generations.push(table.generation);
    table.insert("too-large", "1");
    generations.push(table.generation);
    table.setMaxSize(4096);
    generations.push(table.generation);
    expect(new Set(generations).size).to.equal(5);
  });

  it("keeps an index of exactly the live entries", () => {
    const index = new TableIndex();
    const table = new DynamicTable(3 * 34, index);
    table.insert("a", "1");
    table.insert("a", "2");
    table.insert("b", "1");
    expect(index.find("a")?.newest).to.equal(1);
    table.insert("c", "1");
    expect([...(index.find("a")?.serials ?? [])]).to.deep.equal([["2", 1]]);
    table.insert("c", "2");
    expect(index.find("a")).to.equal(undefined);
    table.setMaxSize(0);
    expect(index.find("b") ?? index.find("c")).to.equal(undefined);
  });

  it("does not lose an index entry that a newer insertion of the same field owns", () => {
    const index = new TableIndex();
    const table = new DynamicTable(2 * 34, index);
    table.insert("a", "1");
    table.insert("a", "1");
    table.insert("b", "1");
    expect(index.find("a")?.serials.get("1")).to.equal(1);
  });
});
