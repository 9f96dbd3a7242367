/** Frames of the guest that it must not write to itself: who writes to them is told to their watchers. */

import type { GuestMemory } from '../guest-memory.ts';
import type { ShadowEntries } from './shadow-entries.ts';

export class WriteProtection {
  readonly #memory: GuestMemory;
  readonly #entries: ShadowEntries;
  /** Changes whenever a frame begins or ceases to be watched. */
  changes = 0;

  constructor(memory: GuestMemory, entries: ShadowEntries) {
    this.#memory = memory;
    this.#entries = entries;
  }

  /** Watches a frame of the guest for `reason`: takes the right to write to it away wherever it is mapped. */
  protect(gfn: number, reason: number): void {
    if (!this.#memory.watch(gfn, reason, true)) return;
    this.changes++;
    this.#entries.protect(gfn);
  }

  /** Ends to watch it for `reason`. */
  unprotect(gfn: number, reason: number): void {
    if (this.#memory.watch(gfn, reason, false)) this.changes++;
  }
}
