/** Non-maskable interrupts: one is kept until the guest has a callback for it and has returned from the one before. */

import type { TrapTable } from './trap-table.ts';

export class Nmi {
  readonly #traps: TrapTable;
  #isPending = false;
  #isHandled = false;

  constructor(traps: TrapTable) {
    this.#traps = traps;
  }

  raise(): void {
    this.#isPending = true;
  }

  /** One is to be delivered now: true once for each. */
  take(): boolean {
    if (!this.#isPending || this.#isHandled) return false;
    if (this.#traps.callbacks.nmi.address === 0n) return false;
    this.#isPending = false;
    this.#isHandled = true;
    return true;
  }

  /** The guest returns from a handler. */
  returned(): void {
    this.#isHandled = false;
  }
}
