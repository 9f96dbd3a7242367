/**
 * How much is done before the guest's interrupts get a chance: work is counted in entries, so that a run is the same
 * each time. Whoever asks whether it is spent has done something before, so that every slice gets on. An L1 table is
 * always done whole.
 */

/** A result, never a guest's: the slice is spent and the work not done. */
export const RESTART = -85;

export const SLICE_ENTRIES = 4096;

export class Slice {
  readonly #entries: number;
  #left: number;

  constructor(entries: number) {
    this.#entries = entries;
    this.#left = entries;
  }

  begin(): void {
    this.#left = this.#entries;
  }

  spend(entries: number): void {
    this.#left -= entries;
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }
}
