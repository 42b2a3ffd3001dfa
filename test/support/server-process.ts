import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const serverFile = join(root, "dist", "server.js");

/** The .proto files and services that the server comes with. */
export const greeterArguments = ["--proto", join(root, "proto")];
/** Those of `test/e2e/fixture`. */
export const probeArguments = [
  "--proto",
  join(root, "test/e2e/fixture/proto"),
  "--services",
  join(root, "test/e2e/fixture/services"),
];

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built server as a process of its own, in a folder of its own. */
export class ServerProcess {
  /** Where it runs, and makes its certificates. */
  readonly folder = mkdtempSync(join(tmpdir(), "yodel-e2e-"));
  /** Resolves when the process has ended. */
  readonly exit: Promise<Exit>;
  private readonly child: ChildProcess;
  private stdout = "";
  private stderr = "";
  private readonly watchers = new Set<() => void>();

  private constructor(parameters: readonly string[]) {
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith("YODEL_") && name !== "NODE_OPTIONS"),
    );
    this.child = spawn(process.execPath, [serverFile, ...parameters], {
      cwd: this.folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.recvOutput();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.recvOutput();
    });
    this.exit = once(this.child, "close").then(([code, signal]) => {
      rmSync(this.folder, { recursive: true, force: true });
      return { code, signal, stdout: this.stdout, stderr: this.stderr };
    });
    void this.exit.then(() => this.recvOutput());
    this.dieWithTests();
  }

  /** A test that fails may leave its server behind: it must neither hold up the others nor outlive them. */
  private dieWithTests(): void {
    const { child } = this;
    child.unref();
    for (const pipe of [child.stdout, child.stderr]) (pipe as Socket).unref();
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
  }

  /** Starts a server on a port of the system's choice, and waits until it listens. */
  static async start(parameters: readonly string[], listen = "127.0.0.1:0"): Promise<ServerProcess> {
    const server = new ServerProcess(["--listen", listen, "--log-format", "json", ...parameters]);
    await server.output(/listening on \S+:\d+/);
    return server;
  }

  /** Runs a server that is expected to end by itself. */
  static run(parameters: readonly string[]): Promise<Exit> {
    return new ServerProcess(parameters).exit;
  }

  get port(): number {
    return Number(/listening on \S+?:(\d+)/.exec(this.stdout)?.[1]);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** The authority that its clients are to trust. */
  get ca(): Buffer {
    return readFileSync(join(this.folder, ".yodel", "dev-ca.pem"));
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get errors(): string {
    return this.stderr;
  }

  /** Waits until it has written something. Fails when it ends before. */
  output(wanted: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (wanted.test(this.stdout + this.stderr)) resolve();
        else if (this.isRunning) return;
        else reject(new Error(`It ended without ${wanted}:\n${this.stdout}${this.stderr}`));
        this.watchers.delete(look);
      };
      this.watchers.add(look);
      look();
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it at once. */
  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exit;
  }

  private recvOutput(): void {
    for (const look of this.watchers) look();
  }
}
