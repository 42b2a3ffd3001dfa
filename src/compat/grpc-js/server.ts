import type { Duplex } from "node:stream";
import { deprecate } from "node:util";
import {
  experimental,
  logVerbosity,
  type ServerCredentials,
  type ServerInterceptor,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import {
  type CallContext,
  type Server as CoreServer,
  createGrpcServer,
  RpcError,
  StatusCode,
} from "../../index.ts";
import { Channelz } from "./channelz.ts";
import { defaultHandler, type HandlerFunction, type HandlerType } from "./handlers.ts";
import type { ServerRef, SocketRef } from "./internals.ts";
import { type Deserialize, type MethodContext, methodOf, type Serialize } from "./method.ts";
import { coreOptions, type ServerOptions } from "./options.ts";
import { PortTable } from "./port-table.ts";
import { BoundPort, checkCredentials } from "./ports.ts";
import { unimplemented } from "./status.ts";
import { parseTarget } from "./targets.ts";

export interface ConnectionInjector {
  injectConnection(connection: Duplex): void;
  drain(graceTimeMs: number): void;
  destroy(): void;
}

/** How long clients may take to hear that their calls are cancelled. */
const FORCED_GRACE_MS = 1000;

/** grpc-js's Server, on Yodel's engine: the same methods, options and answers. */
export class Server implements MethodContext {
  readonly sendsMetrics: boolean;
  private readonly core: CoreServer;
  readonly channelz: Channelz;
  private readonly ports: PortTable;
  private readonly interceptors: readonly ServerInterceptor[];
  /** Those of each endpoint's credentials come before the server's own. */
  private readonly endpointInterceptors = new WeakMap<object, readonly ServerInterceptor[]>();
  private readonly paths = new Set<string>();
  private isStarted = false;
  private isShutDown = false;

  constructor(options: ServerOptions = {}) {
    this.channelz = new Channelz(options["grpc.enable_channelz"] !== 0);
    this.core = createGrpcServer({
      ...coreOptions(options),
      ...(this.channelz.isEnabled ? { observer: this.channelz } : {}),
    });
    // Calls of methods that there are not count as well.
    if (this.channelz.isEnabled) this.core.handleUnknown((_requests, call) => this.refuseUnknown(call));
    this.ports = new PortTable(this.channelz);
    this.interceptors = options.interceptors ?? [];
    this.sendsMetrics = Boolean(options["grpc.server_call_metric_recording"]);
  }

  // ── Services ──────────────────────────────────────────────────────────────────────────────────────────────

  /** @throws Error when there is nothing to add, or a method has a handler already */
  addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    if (!isObject(service) || !isObject(implementation)) {
      throw new Error("addService() requires two objects as arguments");
    }
    const names = Object.keys(service);
    if (names.length === 0) throw new Error("Cannot add an empty service to a server");
    for (const name of names) {
      const { path, requestStream, responseStream, originalName, responseSerialize, requestDeserialize } =
        service[name] as ServiceDefinition[string] & { originalName?: string };
      const type = typeOf(requestStream, responseStream);
      const found =
        implementation[name] ?? (originalName === undefined ? undefined : implementation[originalName]);
      const handler = (found?.bind(implementation) ?? defaultHandler(type, name)) as HandlerFunction;
      if (!this.register(path, handler, responseSerialize, requestDeserialize, type)) {
        throw new Error(`Method handler for ${path} already provided.`);
      }
    }
  }

  /** @throws Error when it is no service definition */
  removeService(service: ServiceDefinition): void {
    if (!isObject(service)) throw new Error("removeService() requires object as argument");
    for (const { path } of Object.values(service)) this.unregister(path);
  }

  /** Serves one method; false when its path has a handler already. */
  register(
    name: string,
    handler: HandlerFunction,
    serialize: Serialize,
    deserialize: Deserialize,
    type: string,
  ): boolean {
    if (this.paths.has(name)) return false;
    const func = { path: name, func: handler, type: type as HandlerType, onThrown: logThrown };
    this.core.addMethod(methodOf(func, serialize, deserialize, this));
    this.paths.add(name);
    return true;
  }

  /** Serves a method no longer; false when it was not served. */
  unregister(name: string): boolean {
    this.core.removeMethod(name);
    return this.paths.delete(name);
  }

  /** @throws Error always: grpc-js has given it up long ago */
  addProtoService(): never {
    throw new Error("Not implemented. Use addService() instead");
  }

  private refuseUnknown({ method, peer }: CallContext): never {
    this.channelz.callStarted(peer)?.ended(status.UNIMPLEMENTED);
    throw new RpcError(StatusCode.UNIMPLEMENTED, unimplemented(method.path).details);
  }

  interceptorsOf(endpoint: object | undefined): readonly ServerInterceptor[] {
    const own = endpoint === undefined ? undefined : this.endpointInterceptors.get(endpoint);
    return own === undefined || own.length === 0 ? this.interceptors : [...own, ...this.interceptors];
  }

  // ── Addresses ─────────────────────────────────────────────────────────────────────────────────────────────

  /** @throws Error always */
  bind(_port: string, _creds: ServerCredentials): never {
    throw new Error("Not implemented. Use bindAsync() instead");
  }

  /** @throws Error always */
  addHttp2Port(): never {
    throw new Error("Not yet implemented");
  }

  /**
   * Listens on `HOST:PORT` or `unix:PATH`; `callback` gets the port, or the error.
   *
   * @throws TypeError when an argument is none, Error when the port cannot be parsed or the server was shut down
   */
  bindAsync(
    port: string,
    creds: ServerCredentials,
    callback: (error: Error | null, port: number) => void,
  ): void {
    if (this.isShutDown) throw new Error("bindAsync called after shutdown");
    if (typeof port !== "string") throw new TypeError("port must be a string");
    const credentials = checkCredentials(creds);
    if (typeof callback !== "function") throw new TypeError("callback must be a function");
    const target = parseTarget(port);
    const make = () => new BoundPort(this.core, target, credentials, this.endpointInterceptors);
    this.ports.bind(port, target, creds, make).then(
      (bound) => process.nextTick(callback, null, bound),
      (error: Error) => process.nextTick(callback, error, 0),
    );
  }

  /** Listens on a port no longer, and tells its clients to go elsewhere. @throws Error for port 0 */
  unbind(port: string): void {
    this.ports.unbind(parseTarget(port));
  }

  /** Tells the clients of a port to go elsewhere, and cuts what they have left after the grace. @throws Error for port 0 */
  drain(port: string, graceTimeMs: number): void {
    this.ports.drain(parseTarget(port), graceTimeMs);
  }

  /** Takes connections that something else has accepted. @throws TypeError */
  createConnectionInjector(credentials: ServerCredentials): ConnectionInjector {
    const ref = this.channelz.addListener("injector", null);
    return this.experimentalCreateConnectionInjectorWithChannelzRef(credentials, ref, true);
  }

  protected experimentalCreateConnectionInjectorWithChannelzRef(
    credentials: ServerCredentials,
    channelzRef: SocketRef,
    ownsChannelzRef = false,
  ): ConnectionInjector {
    const target = { name: "injector", host: "", port: 0 };
    const port = new BoundPort(this.core, target, checkCredentials(credentials), this.endpointInterceptors);
    const endpoint = port.createEndpoint();
    return {
      injectConnection: (connection) => endpoint.accept(connection),
      drain: (graceTimeMs) => endpoint.drain(graceTimeMs),
      destroy: () => {
        port.close();
        endpoint.close(Number.POSITIVE_INFINITY);
        if (ownsChannelzRef) this.channelz.removeListener(channelzRef);
      },
    };
  }

  protected experimentalRegisterListenerToChannelz(address: { host: string; port: number }): SocketRef {
    return this.channelz.addListener("listener", "host" in address ? address : null);
  }

  protected experimentalUnregisterListenerFromChannelz(ref: SocketRef): void {
    this.channelz.removeListener(ref);
  }

  // ── Life ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Has no effect: a bound server serves. @throws Error when nothing is bound, or when it is called twice */
  start(): void {
    startWithWarning(this);
  }

  /** What {@link start} does, after its warning. */
  checkStart(): void {
    if (!this.ports.isListening) throw new Error("server must be bound in order to start");
    if (this.isStarted) throw new Error("server is already started");
    this.isStarted = true;
  }

  /** Stops listening and waits for the calls that run, however long they take. */
  tryShutdown(callback: (error?: Error) => void): void {
    this.isShutDown = true;
    this.ports.forget();
    this.core.close(Number.POSITIVE_INFINITY).then(() => {
      this.channelz.close();
      callback();
    }, callback);
  }

  /** Ends everything now. */
  forceShutdown(): void {
    this.isShutDown = true;
    this.ports.forget();
    // Its clients hear that their calls are cancelled.
    this.core.drain(0);
    this.core.close(FORCED_GRACE_MS);
    this.channelz.close();
  }

  getChannelzRef(): ServerRef {
    return this.channelz.ref;
  }
}

const startWithWarning = deprecate(
  (server: Server) => server.checkStart(),
  "Calling start() is no longer necessary. It can be safely omitted.",
);

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function typeOf(requestStream: boolean, responseStream: boolean): HandlerType {
  if (requestStream) return responseStream ? "bidi" : "clientStream";
  return responseStream ? "serverStream" : "unary";
}

function logThrown(path: string, error: unknown): void {
  experimental.log(logVerbosity.ERROR, `The handler of ${path} threw`, error);
}
