/**
 * How much is done before the guest's interrupts get a chance: work is counted in entries, so that a run is the same
 * each time. Whoever asks whether it is spent has done something before, so that every slice gets on. An L1 table is
 * always done whole.
 */

/** A result, never a guest's: the slice is spent and the work not done. */
export const RESTART = -85;

const SLICE_ENTRIES = 4096;

export class Slice {
  readonly #entries: number;
  #left: number;
  /** Entries done in all. */
  done = 0;

  /** `entries`: Infinity for work that is never cut. */
  constructor(entries = SLICE_ENTRIES) {
    this.#entries = entries;
    this.#left = entries;
  }

  begin(): void {
    this.#left = this.#entries;
  }

  spend(entries: number): void {
    this.#left -= entries;
    this.done += entries;
  }

  get isBounded(): boolean {
    return Number.isFinite(this.#entries);
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }
}
