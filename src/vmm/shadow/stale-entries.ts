/**
 * Finds what shadow pages hold of a table of the last level that its entries do not say any more. What a processor may
 * have cached is what they said, so that it stays until the guest invalidates it (out-of-sync.ts).
 */

import { PAGE_SIZE } from '../frames.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { PTE_A, PTE_D, pageOf } from './guest-walk.ts';
import { FLAG_NXE, leafRights } from './leaf-rights.ts';
import type { ShadowCache } from './shadow-cache.ts';
import type { ShadowEntries } from './shadow-entries.ts';
import { ENTRIES, entryPlace, pageOfLeaf, type ShadowPage } from './shadow-page.ts';

export class StaleEntries {
  readonly #memory: GuestMemory;
  readonly #cache: ShadowCache;
  readonly #entries: ShadowEntries;

  constructor(memory: GuestMemory, cache: ShadowCache, entries: ShadowEntries) {
    this.#memory = memory;
    this.#cache = cache;
    this.#entries = entries;
  }

  /** Drops all that the table in frame `gfn` does not say any more; false if nothing is derived from it now. */
  drop(gfn: number): boolean {
    let isUsed = false;
    for (const page of this.#cache.ofTable(gfn)) {
      for (let n = 0; n < ENTRIES; n++) if (this.#dropIfStale(page, n)) isUsed = true;
    }
    return isUsed;
  }

  /** The same for the entry at `offset` of the table alone. */
  dropAt(gfn: number, offset: number): void {
    for (const page of this.#cache.ofTable(gfn)) {
      const { mode, part } = page.role;
      const entry = offset / (mode === '32-bit' ? 4 : 8);
      if (mode !== '32-bit') this.#dropIfStale(page, entry);
      else if (entry >> 9 === part) this.#dropIfStale(page, entry % ENTRIES);
    }
  }

  /** Drops entry `n` of `page` if the guest's own does not allow it; true if it is there and stays. */
  #dropIfStale(page: ShadowPage, n: number): boolean {
    const place = entryPlace(page, n);
    const leaf = this.#entries.leaf(place);
    if (leaf === undefined) return false;
    const { mode, view, part, rights, flags } = page.role;
    const at = page.gfn * PAGE_SIZE + (mode === '32-bit' ? (part * ENTRIES + n) * 4 : n * 8);
    const low = this.#memory.readU32(at);
    const high = mode === '32-bit' ? 0 : this.#memory.readU32(at + 4);
    const now = pageOf({ low, high }, mode, (flags & FLAG_NXE) !== 0, rights);
    if (now !== undefined && now.gfn === leaf.gfn && (low & PTE_A) !== 0) {
      const { mayRead, mayWrite, mayFetch } = leafRights(now.rights, view, flags);
      const isWritable = mayWrite && (low & PTE_D) !== 0;
      if (mayRead && (isWritable || !leaf.canWrite) && (mayFetch || !leaf.canFetch)) return true;
    }
    this.#entries.drop(place, pageOfLeaf(page, n));
    return false;
  }
}
