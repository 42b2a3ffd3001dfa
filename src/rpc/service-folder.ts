import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { isRoute, type Route } from "./route.ts";
import { isService, type ServiceImplementation } from "./service.ts";

/** What the modules of a folder export, each with the file it came from. */
export interface FolderContents {
  readonly services: readonly { readonly service: ServiceImplementation; readonly file: string }[];
  readonly routes: readonly { readonly route: Route; readonly file: string }[];
}

/** The folder of services cannot be used. The message is for the person who started the server. */
export class ServiceFolderError extends Error {
  override readonly name = "ServiceFolderError";
}

/**
 * Loads every module of a folder (`.js`, and `.ts` where the process can run it) and gathers what its exports
 * implement: services made by `implement` and routes made by `route`. Other exports are left alone.
 *
 * @throws {ServiceFolderError} when the folder or a module cannot be loaded, with the module's own error as the cause
 */
export async function loadServiceFolder(folder: string): Promise<FolderContents> {
  const services: { service: ServiceImplementation; file: string }[] = [];
  const routes: { route: Route; file: string }[] = [];
  for (const path of await modulesIn(folder)) {
    const file = relative(process.cwd(), path);
    for (const value of Object.values(await load(path, file))) {
      if (isService(value)) services.push({ service: value, file });
      else if (isRoute(value)) routes.push({ route: value, file });
    }
  }
  return { services, routes };
}

async function modulesIn(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder, { recursive: true });
    return names
      .filter((name) => /\.(js|mjs|ts|mts)$/.test(name) && !/\.d\.m?ts$/.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ServiceFolderError(`The folder of services ${folder} cannot be read (${code}).`, {
      cause: error,
    });
  }
}

async function load(path: string, file: string): Promise<object> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    throw new ServiceFolderError(`${file} cannot be loaded: ${(error as Error).message}`, { cause: error });
  }
}
