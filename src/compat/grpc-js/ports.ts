import type { ServerCredentials, ServerInterceptor } from "@grpc/grpc-js";
import type { Server as CoreServer, Endpoint, TlsSettings } from "../../index.ts";
import { addressesOf, type BindTarget } from "./targets.ts";

/** What grpc-js's credentials tell a server, whichever copy of grpc-js they come from. */
export interface CredentialsLike {
  _isSecure?(): boolean;
  _getConstructorOptions(): object | null;
  _getSecureContextOptions?(): object | null;
  _getInterceptors?(): ServerInterceptor[];
  _addWatcher?(watcher: (context: object | null) => void): void;
  _removeWatcher?(watcher: (context: object | null) => void): void;
  _equals(other: ServerCredentials): boolean;
}

/** @throws TypeError when it is nothing that a server can be secured by (channel credentials are not) */
export function checkCredentials(credentials: unknown): CredentialsLike {
  const isLike =
    typeof credentials === "object" &&
    credentials !== null &&
    typeof (credentials as CredentialsLike)._getConstructorOptions === "function";
  if (!isLike) throw new TypeError("creds must be a ServerCredentials object");
  return credentials as CredentialsLike;
}

/** What one `bindAsync` has bound, or is about to bind. */
export class BoundPort {
  readonly endpoints: Endpoint[] = [];
  isCancelled = false;
  private readonly watches: (() => void)[] = [];

  constructor(
    private readonly core: CoreServer,
    readonly target: BindTarget,
    readonly credentials: CredentialsLike,
    /** Where the interceptors of an endpoint's credentials are found. */
    private readonly interceptors: WeakMap<object, readonly ServerInterceptor[]>,
  ) {}

  /**
   * Listens on every address of the target, on one port.
   *
   * @returns the port; 1 for a Unix domain socket, as in grpc-js
   * @throws Error when no address could be listened on
   */
  async listen(): Promise<number> {
    const { target } = this;
    const addresses = await addressesOf(target);
    const errors: string[] = [];
    let port = target.port;
    for (const address of addresses) {
      try {
        const endpoint = this.createEndpoint();
        await endpoint.listen({ ...address, port });
        this.endpoints.push(endpoint);
        if (target.path === undefined) port = endpoint.port;
      } catch (error) {
        errors.push((error as Error).message);
      }
    }
    if (this.endpoints.length === 0) {
      this.close();
      throw new Error(
        `No address added out of total ${addresses.length} resolved errors: [${errors.join(",")}]`,
      );
    }
    return target.path === undefined ? port : 1;
  }

  /** An endpoint that is secured as the credentials say, now and when they change. */
  createEndpoint(): Endpoint {
    const { credentials } = this;
    const isSecure = credentials._isSecure?.() ?? credentials._getConstructorOptions() !== null;
    const endpoint = this.core.createEndpoint(
      isSecure ? { plaintext: "never", tls: this.tlsSettings() } : { plaintext: "always" },
    );
    this.interceptors.set(endpoint, credentials._getInterceptors?.() ?? []);
    if (isSecure) {
      // A provider's certificate that cannot be read for a moment takes nothing from the one that is in use.
      const isProvided = "identityCertificateProvider" in credentials;
      const watcher = (context: object | null) => {
        if (context !== null || !isProvided) endpoint.setTls(this.tlsSettings());
      };
      credentials._addWatcher?.(watcher);
      this.watches.push(() => credentials._removeWatcher?.(watcher));
    }
    return endpoint;
  }

  private tlsSettings(): TlsSettings | null {
    const { credentials } = this;
    const context = credentials._getSecureContextOptions?.() ?? null;
    if (context === null) return null;
    const settings: TlsSettings = { ...credentials._getConstructorOptions(), ...context };
    // Node's default would refuse no client that grpc-js lets in.
    return { ...settings, rejectUnauthorized: settings.rejectUnauthorized ?? settings.requestCert === true };
  }

  /** Listens no more; its clients are told to go elsewhere, and keep what they have begun. */
  close(): void {
    this.stopWatching();
    for (const endpoint of this.endpoints) endpoint.close(Number.POSITIVE_INFINITY);
  }

  /** The credentials may change as they like: nothing here will. */
  stopWatching(): void {
    for (const stop of this.watches.splice(0)) stop();
  }

  drain(graceMs: number): void {
    for (const endpoint of this.endpoints) endpoint.drain(graceMs);
  }
}
