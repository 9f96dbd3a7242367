/** The end of a VM, which happens once, and its reason: the first one that was given (SHUTDOWN_ in sched.h). */

export class Shutdown {
  readonly #ended: (reason: number) => void;
  #reason: number | undefined;
  #isOver = false;

  constructor(ended: (reason: number) => void) {
    this.#ended = ended;
  }

  /** Whenever the VM ends, it is for `reason`; false if there is one already. */
  latch(reason: number): boolean {
    if (this.#reason !== undefined) return false;
    this.#reason = reason;
    return true;
  }

  end(reason: number): void {
    this.latch(reason);
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended(this.#reason ?? reason);
  }
}
