import type { ServerCredentials } from "@grpc/grpc-js";
import type { Channelz } from "./channelz.ts";
import type { SocketRef } from "./internals.ts";
import type { BoundPort } from "./ports.ts";
import type { BindTarget } from "./targets.ts";

interface Entry {
  readonly bound: BoundPort;
  /** The port, once it is bound. */
  readonly done: Promise<number>;
  refs: SocketRef[];
}

/** The ports of a server by name: bound, or about to be. */
export class PortTable {
  private readonly entries = new Map<string, Entry>();
  private listening = 0;

  constructor(private readonly channelz: Channelz) {}

  get isListening(): boolean {
    return this.listening > 0;
  }

  /** Binds a port, or tells the result of having done so already with equal credentials. */
  bind(
    text: string,
    target: BindTarget,
    credentials: ServerCredentials,
    make: () => BoundPort,
  ): Promise<number> {
    const existing = this.entries.get(target.name);
    if (existing !== undefined) {
      if (!credentials._equals(existing.bound.credentials as ServerCredentials)) {
        return Promise.reject(new Error(`${text} already bound with incompatible credentials`));
      }
      existing.bound.isCancelled = false;
      return existing.done;
    }
    const bound = make();
    const entry: Entry = {
      bound,
      done: bound.listen().then((port) => this.recvBound(entry, target, port)),
      refs: [],
    };
    // Port 0 becomes known under the port that the system chooses.
    if (target.port !== 0 || target.path !== undefined) this.entries.set(target.name, entry);
    entry.done.catch(() => this.entries.delete(target.name));
    return entry.done;
  }

  private recvBound(entry: Entry, target: BindTarget, port: number): number {
    const { bound } = entry;
    if (bound.isCancelled) {
      bound.close();
      throw new Error("bindAsync operation cancelled by unbind call");
    }
    this.listening++;
    this.entries.set(target.path === undefined ? `${target.host}:${port}` : target.name, entry);
    entry.refs = bound.endpoints.map(({ host, port: chosen }) =>
      this.channelz.addListener(`${host}:${chosen}`, { host, port: chosen }),
    );
    return port;
  }

  /** @throws Error for port 0, which is the name of no port */
  unbind(target: BindTarget): void {
    if (target.port === 0 && target.path === undefined) throw new Error("Cannot unbind port 0");
    const entry = this.entries.get(target.name);
    if (entry === undefined) return;
    // Still about to be bound: it is closed as soon as it is.
    if (entry.refs.length === 0) {
      entry.bound.isCancelled = true;
      return;
    }
    this.entries.delete(target.name);
    this.listening--;
    entry.bound.close();
    this.forgetRefs(entry);
  }

  /** @throws Error for port 0, which is the name of no port */
  drain(target: BindTarget, graceMs: number): void {
    if (target.port === 0 && target.path === undefined) throw new Error("Cannot drain port 0");
    this.entries.get(target.name)?.bound.drain(graceMs);
  }

  /** The server is shut down: what is bound ends with it, and what is about to be bound is not. */
  forget(): void {
    for (const entry of this.entries.values()) {
      if (entry.refs.length === 0) entry.bound.isCancelled = true;
      entry.bound.stopWatching();
      this.forgetRefs(entry);
    }
    this.entries.clear();
    this.listening = 0;
  }

  private forgetRefs(entry: Entry): void {
    for (const ref of entry.refs.splice(0)) this.channelz.removeListener(ref);
  }
}
