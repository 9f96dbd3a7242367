/**
 * Translations that the processor may still have of what is no longer so. Nothing of the guest runs during a call: what
 * is to be forgotten is told at its end, once.
 *
 * Frames that the VM has lost wait here for that: only then may somebody else get them.
 *
 * The clock counts flushes of everything. What was given up at an earlier time than now is no longer translated.
 */

import type { DirectCounters } from './counters.ts';

/** The processor's translations of one VM. */
export interface Translations {
  /** Forgets all, those of global pages as well, in all address spaces of the VM. */
  flush(): void;
  /** Forgets the page at `va` in the address spaces of the VM. */
  flushPage(va: bigint): void;
}

export class PendingFlush {
  readonly #translations: Translations;
  readonly #counters: DirectCounters;
  readonly #freed: (frame: number) => void;
  #clock = 1;
  #isAll = false;
  #pages: bigint[] = [];
  #frames: number[] = [];

  /** `freed`: nothing translates to the frame any more. */
  constructor(
    translations: Translations,
    counters: DirectCounters,
    freed: (frame: number) => void,
  ) {
    this.#translations = translations;
    this.#counters = counters;
    this.#freed = freed;
  }

  get clock(): number {
    return this.#clock;
  }

  all(): void {
    this.#isAll = true;
  }

  page(va: bigint): void {
    this.#pages.push(va);
  }

  /** The VM has lost `frame`. */
  free(frame: number): void {
    this.#frames.push(frame);
  }

  /** Tells what has to be forgotten. */
  perform(): void {
    if (this.#isAll) {
      this.#translations.flush();
      this.#clock = (this.#clock + 1) >>> 0;
      this.#counters.flushes++;
    } else if (this.#pages.length > 0) {
      for (const va of this.#pages) this.#translations.flushPage(va);
      this.#counters.pageFlushes += this.#pages.length;
    }
    this.#isAll = false;
    if (this.#pages.length > 0) this.#pages = [];
    for (const frame of this.#frames) this.#freed(frame);
    if (this.#frames.length > 0) this.#frames = [];
  }
}
