import type { ListenAddress, Server } from "./server.ts";

/** An address cannot be listened on. The message is for the person who started the server. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/**
 * Listens on several addresses; `localhost` means 127.0.0.1 and ::1, both on one port. Returns where, with the ports
 * that the system chose. When one cannot be listened on, none is.
 *
 * @throws {ListenError} naming the address and what is wrong with it
 */
export async function listenOn(
  server: Server,
  addresses: readonly ListenAddress[],
): Promise<ListenAddress[]> {
  const bound: ListenAddress[] = [];
  try {
    for (const address of addresses) {
      if (address.host === "localhost") bound.push(...(await listenOnLocalhost(server, address.port)));
      else bound.push(await listenOrExplain(server, address));
    }
  } catch (error) {
    // An address that is listened on already would keep alive a process that has failed to start.
    server.destroy();
    throw error;
  }
  return bound;
}

async function listenOnLocalhost(server: Server, port: number): Promise<ListenAddress[]> {
  const v4 = await listenOrExplain(server, { host: "127.0.0.1", port });
  try {
    return [v4, await listenOrExplain(server, { host: "::1", port: v4.port })];
  } catch (error) {
    const { code } = (error as ListenError).cause as NodeJS.ErrnoException;
    // Containers often have no IPv6 at all; a port in use is another matter.
    if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") return [v4];
    throw error;
  }
}

async function listenOrExplain(server: Server, address: ListenAddress): Promise<ListenAddress> {
  try {
    return await server.listen(address);
  } catch (error) {
    throw new ListenError(explain(address, error as NodeJS.ErrnoException), { cause: error });
  }
}

function explain({ host, port }: ListenAddress, { code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is in use. Stop what listens there, or choose another port with --listen ${host}:0.`;
    case "EACCES":
      return `Port ${port} on ${host} may not be used by this user. Ports below 1024 need a privilege; try --listen ${host}:8443.`;
    case "EADDRNOTAVAIL":
      return `This machine has no address ${host}. Use one it has, or [::] for all of them.`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The name ${host} is not known. Use an address of this machine, or [::] for all of them.`;
    default:
      return `${host}:${port} cannot be listened on: ${message}`;
  }
}
