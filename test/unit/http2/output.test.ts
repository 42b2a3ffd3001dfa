import { expect } from "chai";
import { type ByteSink, Output, SharedScratch } from "../../../src/http2/output.ts";

/** A sink that keeps references, as a slow socket does, or copies, as a quick one does. */
class RecordingSink implements ByteSink {
  readonly pieces: Uint8Array[] = [];
  writes = 0;
  readonly pendingBytes = 0;

  constructor(private readonly keepsMemory: boolean) {}

  write(bytes: Buffer, start: number, end: number): boolean {
    this.writes++;
    const part = bytes.subarray(start, end);
    this.pieces.push(this.keepsMemory ? part : Buffer.from(part));
    return !this.keepsMemory;
  }

  writeMany(pieces: readonly Uint8Array[]): void {
    this.writes++;
    this.pieces.push(...pieces);
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString("latin1");
  }
}

function put(output: Output, text: string): void {
  const at = output.reserve(text.length);
  output.buffer.write(text, at, "latin1");
}

describe("the output", () => {
  for (const keepsMemory of [false, true]) {
    describe(keepsMemory ? "to a sink that keeps the memory" : "to a sink that copies", () => {
      it("gathers small pieces into one write", () => {
        const sink = new RecordingSink(keepsMemory);
        const output = new Output(sink, new SharedScratch());
        for (const text of ["a", "b", "c"]) put(output, text);
        expect(sink.writes).to.equal(0);
        output.flush();
        expect([sink.text, sink.writes, output.isEmpty]).to.deep.equal(["abc", 1, true]);
      });

      it("keeps the order of small and large pieces", () => {
        const sink = new RecordingSink(keepsMemory);
        const output = new Output(sink, new SharedScratch());
        put(output, "head");
        output.append(Buffer.alloc(20_000, "L"));
        output.append(Buffer.from("small"));
        output.append(Buffer.alloc(70_000, "M"));
        put(output, "tail");
        output.flush();
        expect(sink.text).to.equal(`head${"L".repeat(20_000)}small${"M".repeat(70_000)}tail`);
        expect(sink.writes).to.equal(1);
      });

      it("lets two connections take turns with one scratch, each with its own bytes", () => {
        const scratch = new SharedScratch();
        const sinks = [new RecordingSink(keepsMemory), new RecordingSink(keepsMemory)];
        const outputs = sinks.map((sink) => new Output(sink, scratch));
        for (let i = 0; i < 100; i++) put(outputs[i % 2], String(i % 10));
        outputs[0].append(Buffer.alloc(9000, "x"));
        put(outputs[1], "y");
        put(outputs[0], "z");
        for (const output of outputs) output.flush();
        expect(sinks[0].text).to.equal(`${"02468".repeat(10)}${"x".repeat(9000)}z`);
        expect(sinks[1].text).to.equal(`${"13579".repeat(10)}y`);
      });

      it("takes more than the scratch holds", () => {
        const sink = new RecordingSink(keepsMemory);
        const output = new Output(sink, new SharedScratch());
        for (let i = 0; i < 100; i++) output.append(Buffer.alloc(5000, String(i % 10)));
        output.flush();
        const wanted = Array.from({ length: 100 }, (_, i) => String(i % 10).repeat(5000)).join("");
        expect(sink.text === wanted).to.equal(true);
      });
    });
  }

  it("gives back the end of a place that was too large", () => {
    const sink = new RecordingSink(false);
    const output = new Output(sink, new SharedScratch());
    const at = output.reserve(100);
    output.buffer.write("used", at, "latin1");
    output.trim(at + 4);
    put(output, "next");
    output.flush();
    expect(sink.text).to.equal("usednext");
  });

  it("forgets everything when it is discarded, and the scratch is free again", () => {
    const scratch = new SharedScratch();
    const lost = new Output(new RecordingSink(false), scratch);
    put(lost, "lost");
    lost.append(Buffer.alloc(10_000));
    lost.discard();
    const sink = new RecordingSink(false);
    const output = new Output(sink, scratch);
    put(output, "kept");
    output.flush();
    expect([sink.text, lost.isEmpty]).to.deep.equal(["kept", true]);
  });

  it("says when so much is gathered that it should leave", () => {
    const output = new Output(new RecordingSink(false), new SharedScratch());
    output.append(Buffer.alloc(200 * 1024));
    expect(output.isLarge).to.equal(false);
    output.append(Buffer.alloc(100 * 1024));
    expect(output.isLarge).to.equal(true);
  });
});
