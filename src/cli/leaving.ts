/** Why a run is ended from outside: the user typed Ctrl-A x, or the process got a signal. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Tells the run loop that the user wants to leave. While it listens, a first signal ends the run as Ctrl-A x
 * does, so that a guest that hangs is explained and the terminal given back; a second one kills.
 */
export class Leaving {
  #why: string | undefined;
  #wake: () => void = () => {};
  readonly #signalled = (signal: string) => this.ask(`left by ${signal}`);
  /** Resolves when the user wants to leave. */
  readonly asked: Promise<void>;

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** What ends the run, for a person; undefined while it goes on. */
  get why(): string | undefined {
    return this.#why;
  }

  ask(why: string): void {
    this.#why ??= why;
    this.#wake();
  }

  listen(): void {
    for (const signal of SIGNALS) process.once(signal, this.#signalled);
  }

  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.#signalled);
  }
}
