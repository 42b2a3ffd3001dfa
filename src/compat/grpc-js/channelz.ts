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

/** A server in the registry that grpc-js's `getChannelzHandlers()` serves from. */
export class Channelz {
  readonly ref: ServerRef;
  private readonly trace = new ChannelzTrace();
  private readonly calls = new ChannelzCallTracker();
  private readonly listeners = new ChannelzChildrenTracker();
  private readonly sessions = new ChannelzChildrenTracker();

  constructor(private readonly isEnabled: boolean) {
    const info = () => ({
      trace: this.trace,
      callTracker: this.calls,
      listenerChildren: this.listeners.getChildLists(),
      sessionChildren: this.sessions.getChildLists(),
    });
    this.ref = registerChannelzServer("server", info, isEnabled);
    if (isEnabled) this.trace.addTrace("CT_INFO", "Server created");
  }

  callStarted(): void {
    if (this.isEnabled) this.calls.addCallStarted();
  }

  callEnded(isSuccess: boolean): void {
    if (!this.isEnabled) return;
    if (isSuccess) this.calls.addCallSucceeded();
    else this.calls.addCallFailed();
  }

  /** An address that is listened on, or an injector of connections. */
  addListener(name: string, address: { host: string; port: number } | null): SocketRef {
    const localAddress = address === null || address.host === "" ? null : address;
    const info = () => ({
      localAddress,
      remoteAddress: null,
      security: null,
      remoteName: null,
      streamsStarted: 0,
      streamsSucceeded: 0,
      streamsFailed: 0,
      messagesSent: 0,
      messagesReceived: 0,
      keepAlivesSent: 0,
      lastLocalStreamCreatedTimestamp: null,
      lastRemoteStreamCreatedTimestamp: null,
      lastMessageSentTimestamp: null,
      lastMessageReceivedTimestamp: null,
      localFlowControlWindow: null,
      remoteFlowControlWindow: null,
    });
    const ref = registerChannelzSocket(name, info, this.isEnabled);
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
}
