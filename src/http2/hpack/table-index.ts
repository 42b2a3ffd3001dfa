/** The live entries of one name. */
export class NameEntries {
  /** Serials by value. */
  readonly serials = new Map<string, number>();

  constructor(
    /** The serial of the newest entry. It is live as long as any entry of the name, since the oldest go first. */
    public newest: number,
  ) {}
}

/** Finds entries of a dynamic table by name and value, for an encoder that never inserts the same field twice. */
export class TableIndex {
  private readonly names = new Map<string, NameEntries>();

  find(name: string): NameEntries | undefined {
    return this.names.get(name);
  }

  add(name: string, value: string, serial: number): void {
    let entries = this.names.get(name);
    if (entries === undefined) {
      entries = new NameEntries(serial);
      this.names.set(name, entries);
    }
    entries.newest = serial;
    entries.serials.set(value, serial);
  }

  /** Forgets an entry, unless a newer one has the same name and value. */
  remove(name: string, value: string, serial: number): void {
    const entries = this.names.get(name);
    if (entries === undefined || entries.serials.get(value) !== serial) return;
    entries.serials.delete(value);
    if (entries.serials.size === 0) this.names.delete(name);
  }
}
