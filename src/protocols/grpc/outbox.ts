/** Sends in order what may have to wait: behind a message that is being compressed, the next ones wait, too. */
export class Outbox {
  private waiting: (() => void)[] = [];
  private isBusy = false;
  private isDropped = false;

  constructor(
    /** Everything is sent. */
    private readonly onEmpty: () => void,
  ) {}

  /** Runs `send` once everything before it is sent; false when it has to wait. */
  run(send: () => void): boolean {
    if (this.isBusy) {
      this.waiting.push(send);
      return false;
    }
    send();
    return true;
  }

  /** Waits for `bytes` and sends them; what comes meanwhile waits behind them. */
  async sendLater(bytes: Promise<Uint8Array>, send: (bytes: Uint8Array) => void): Promise<void> {
    this.isBusy = true;
    const ready = await bytes;
    if (this.isDropped) return;
    this.isBusy = false;
    send(ready);
    while (!this.isBusy) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      next();
    }
    if (!this.isBusy) this.onEmpty();
  }

  /** Forgets what waits: the call has ended in another way. */
  drop(): void {
    this.isDropped = true;
    this.isBusy = false;
    this.waiting = [];
  }
}
