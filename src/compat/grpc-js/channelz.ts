import type { Peer } from "../../index.ts";
import {
  ChannelzCallTracker,
  ChannelzChildrenTracker,
  ChannelzTrace,
  registerChannelzServer,
  registerChannelzSocket,
  type ServerRef,
  type SocketRef,
  unregisterChannelzRef,
} from "./internals.ts";

interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** What is counted of a connection. */
class SocketCounts {
  streamsStarted = 0;
  streamsSucceeded = 0;
  streamsFailed = 0;
  messagesSent = 0;
  messagesReceived = 0;
  lastRemoteStreamCreatedTimestamp: Date | null = null;
  lastMessageSentTimestamp: Date | null = null;
  lastMessageReceivedTimestamp: Date | null = null;
}

interface Session {
  readonly ref: SocketRef;
  readonly counts: SocketCounts;
}

/** A server in the registry that grpc-js's `getChannelzHandlers()` serves from. */
export class Channelz {
  readonly ref: ServerRef;
  private readonly trace = new ChannelzTrace();
  private readonly calls = new ChannelzCallTracker();
  private readonly listeners = new ChannelzChildrenTracker();
  private readonly children = new ChannelzChildrenTracker();
  private readonly sessions = new Map<Peer, Session>();

  constructor(readonly isEnabled: boolean) {
    const info = () => ({
      trace: this.trace,
      callTracker: this.calls,
      listenerChildren: this.listeners.getChildLists(),
      sessionChildren: this.children.getChildLists(),
    });
    this.ref = registerChannelzServer("server", info, isEnabled);
    if (isEnabled) this.trace.addTrace("CT_INFO", "Server created");
  }

  // ── Connections and their calls ───────────────────────────────────────────────────────────────────────────

  connectionOpened(peer: Peer): void {
    const { address, port, localAddress, localPort } = peer;
    const counts = new SocketCounts();
    const ref = this.registerSocket(
      `${address}:${port}`,
      counts,
      addressOf(localAddress, localPort),
      addressOf(address, port),
    );
    this.sessions.set(peer, { ref, counts });
    this.children.refChild(ref);
  }

  connectionClosed(peer: Peer): void {
    const session = this.sessions.get(peer);
    if (session === undefined) return;
    this.sessions.delete(peer);
    this.children.unrefChild(session.ref);
    unregisterChannelzRef(session.ref);
  }

  /** A call begins; null when nobody counts. */
  callStarted(peer: Peer): CallCounter | null {
    if (!this.isEnabled) return null;
    const counts = this.sessions.get(peer)?.counts ?? new SocketCounts();
    return new CallCounter(this.calls, counts);
  }

  // ── Addresses ─────────────────────────────────────────────────────────────────────────────────────────────

  /** An address that is listened on, or an injector of connections. */
  addListener(name: string, address: TcpAddress | null): SocketRef {
    const ref = this.registerSocket(name, new SocketCounts(), address, null);
    if (this.isEnabled) this.listeners.refChild(ref);
    return ref;
  }

  removeListener(ref: SocketRef): void {
    if (this.isEnabled) this.listeners.unrefChild(ref);
    unregisterChannelzRef(ref);
  }

  close(): void {
    if (this.isEnabled) this.trace.addTrace("CT_INFO", "Shutdown complete");
    unregisterChannelzRef(this.ref);
  }

  private registerSocket(
    name: string,
    counts: SocketCounts,
    localAddress: TcpAddress | null,
    remoteAddress: TcpAddress | null,
  ): SocketRef {
    const info = () => ({
      ...counts,
      localAddress,
      remoteAddress,
      security: null,
      remoteName: null,
      keepAlivesSent: 0,
      lastLocalStreamCreatedTimestamp: null,
      localFlowControlWindow: null,
      remoteFlowControlWindow: null,
    });
    return registerChannelzSocket(name, info, this.isEnabled);
  }
}

/** Counts one call, for its server and for its connection. */
export class CallCounter {
  constructor(
    private readonly calls: ChannelzCallTracker,
    private readonly counts: SocketCounts,
  ) {
    calls.addCallStarted();
    counts.streamsStarted++;
    counts.lastRemoteStreamCreatedTimestamp = new Date();
  }

  messageReceived(): void {
    this.counts.messagesReceived++;
    this.counts.lastMessageReceivedTimestamp = new Date();
  }

  messageSent(): void {
    this.counts.messagesSent++;
    this.counts.lastMessageSentTimestamp = new Date();
  }

  /** `code` null: no status could be sent, so the stream did not end well either. */
  ended(code: number | null): void {
    if (code === 0) this.calls.addCallSucceeded();
    else this.calls.addCallFailed();
    if (code === null) this.counts.streamsFailed++;
    else this.counts.streamsSucceeded++;
  }
}

function addressOf(host: string, port: number): TcpAddress | null {
  return host === "" ? null : { host, port };
}
