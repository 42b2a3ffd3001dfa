import { lookup } from "node:dns/promises";
import { isIPv4, isIPv6 } from "node:net";
import type { ListenAddress } from "../../index.ts";

/** What a port string of `bindAsync` means. */
export interface BindTarget {
  /** The same for every way to write it. */
  readonly name: string;
  /** 0 for a Unix domain socket as well. */
  readonly port: number;
  readonly host: string;
  /** Of a Unix domain socket. */
  readonly path?: string;
}

const DEFAULT_PORT = 443;

/**
 * Reads `HOST:PORT`, `dns:HOST:PORT`, `ipv4:…`, `ipv6:…` or `unix:PATH` (gRPC's doc/naming.md).
 *
 * @throws Error `Could not parse port "…"`
 */
export function parseTarget(text: string): BindTarget {
  const unix = /^unix:(?:\/\/)?(.+)$/.exec(text)?.[1];
  if (unix !== undefined) return { name: `unix:${unix}`, host: "", port: 0, path: unix };
  const rest = /^(?:dns|ipv4|ipv6):(?:\/\/\/?)?(.*)$/.exec(text)?.[1] ?? text;
  const found = splitHostPort(rest);
  if (found === null) throw new Error(`Could not parse port "${text}"`);
  const { host, port } = found;
  return { name: `${host}:${port}`, host, port };
}

function splitHostPort(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? (isIPv6(text) ? text : "");
  if (host === "" || /[\s/]/.test(host)) return null;
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  return port > 65_535 ? null : { host, port };
}

/** Every address that a target stands for. @throws the error of the name's lookup */
export async function addressesOf({ host, port, path }: BindTarget): Promise<ListenAddress[]> {
  if (path !== undefined) return [{ host: "", port: 0, path }];
  if (isIPv4(host) || isIPv6(host)) return [{ host, port }];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => ({ host: address, port }));
}
