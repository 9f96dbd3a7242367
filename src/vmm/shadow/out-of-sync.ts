/**
 * Page tables of the guest that are out of sync: the guest may write to them, and nobody is told. What is derived from
 * them is what a TLB would hold: it may be stale until the guest invalidates it, and not after (SDM 3A 4.10.4).
 *
 * Only tables of the last level can be: what an entry of another leads to is more than a translation.
 */

import { type GuestMemory, WATCH_TABLE } from '../guest-memory.ts';
import type { GuestPaging } from './guest-paging.ts';
import { GuestWalk } from './guest-walk.ts';
import type { ShadowCache } from './shadow-cache.ts';
import type { ShadowCounters } from './shadow-counters.ts';
import type { ShadowEntries } from './shadow-entries.ts';
import type { ShadowPage } from './shadow-page.ts';
import { StaleEntries } from './stale-entries.ts';
import type { WriteProtection } from './write-protection.ts';

const MOST = 64;

export class OutOfSync {
  readonly #isLax: boolean;
  readonly #memory: GuestMemory;
  readonly #cache: ShadowCache;
  readonly #protection: WriteProtection;
  readonly #counters: ShadowCounters;
  readonly #walk: GuestWalk;
  readonly #stale: StaleEntries;
  /** Frames of the tables. */
  readonly #tables = new Set<number>();

  /** `isLax`: tables may be out of sync at all. */
  constructor(
    isLax: boolean,
    memory: GuestMemory,
    cache: ShadowCache,
    entries: ShadowEntries,
    protection: WriteProtection,
    counters: ShadowCounters,
  ) {
    this.#isLax = isLax;
    this.#memory = memory;
    this.#cache = cache;
    this.#protection = protection;
    this.#counters = counters;
    this.#walk = new GuestWalk(memory);
    this.#stale = new StaleEntries(memory, cache, entries);
  }

  get size(): number {
    return this.#tables.size;
  }

  /** Lets the guest write to its table in frame `gfn` until it invalidates translations; false if it must not. */
  begin(gfn: number): boolean {
    const pages = this.#cache.ofTable(gfn);
    const isLast = pages.length > 0 && pages.every(({ role }) => role.level === 1);
    if (!this.#isLax || !isLast || !this.#memory.isWatchedOnlyFor(gfn, WATCH_TABLE)) return false;
    if (this.#tables.size >= MOST) this.#endAll();
    this.#tables.add(gfn);
    this.#protection.unprotect(gfn, WATCH_TABLE);
    this.#counters.unsynced++;
    return true;
  }

  /** The table in frame `gfn` is not to be out of sync. */
  end(gfn: number): void {
    if (!this.#tables.has(gfn)) return;
    this.#stale.drop(gfn);
    this.#tables.delete(gfn);
    this.#counters.resynced++;
    this.#protection.protect(gfn, WATCH_TABLE);
  }

  /** Frame `gfn` is a table no more. */
  forget(gfn: number): void {
    this.#tables.delete(gfn);
  }

  /** `page` is about to be found where it was not before: nothing that it leads to may be stale there. */
  linked(page: ShadowPage): void {
    const { gfn, role, used } = page;
    if (this.#tables.size === 0 || used === 0 || role.kind === 'direct') return;
    if (role.level > 1) for (const table of this.#tables) this.#stale.drop(table);
    else if (this.#tables.has(gfn)) this.#stale.drop(gfn);
  }

  /** The guest has invalidated translations of `page` (GuestWalk), or all of them. */
  invalidate(page: number | undefined, paging: GuestPaging, pdptes: readonly number[]): void {
    if (this.#tables.size === 0) return;
    if (page === undefined) {
      this.#endAll();
      return;
    }
    if (paging.mode === 'off') return;
    // Only the table that the page is found through now: others are looked at when they are linked.
    this.#walk.walk(page, paging, pdptes);
    const { steps, last } = this.#walk;
    const step = steps[1];
    if (last === 1 && step !== undefined && this.#tables.has(step.gfn)) {
      this.#stale.dropAt(step.gfn, step.offset);
    }
  }

  #endAll(): void {
    for (const gfn of [...this.#tables]) {
      const isUsed = this.#stale.drop(gfn);
      this.#tables.delete(gfn);
      this.#counters.resynced++;
      if (isUsed) this.#protection.protect(gfn, WATCH_TABLE);
      // Otherwise it may be a table no more.
      else for (const page of this.#cache.ofTable(gfn)) this.#cache.remove(page);
    }
  }
}
