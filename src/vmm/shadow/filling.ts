/** Makes the entries of a shadow, out of what a walk of the guest's tables has found. */

import type { GuestMemory } from '../guest-memory.ts';
import type { ExecutableFrames } from './executable-frames.ts';
import type { GuestPaging } from './guest-paging.ts';
import type { GuestWalk } from './guest-walk.ts';
import { leafRights } from './leaf-rights.ts';
import type { OutOfSync } from './out-of-sync.ts';
import { presentPages } from './present-pages.ts';
import type { ShadowCache } from './shadow-cache.ts';
import type { ShadowCounters } from './shadow-counters.ts';
import type { ShadowEntries } from './shadow-entries.ts';
import {
  ANYWHERE,
  entryPlace,
  firstPage,
  indexOf,
  type ShadowPage,
  type ShadowRoot,
} from './shadow-page.ts';
import { roleOf } from './table-roles.ts';

/** Shadow pages that a fill may need. */
export const CHAIN = 4;
/** Pages that the eager fill looks at. */
const MAX_EAGER = 2 ** 16;
const NO_FRAME = -1;

export class Filling {
  readonly #memory: GuestMemory;
  readonly #walk: GuestWalk;
  readonly #entries: ShadowEntries;
  readonly #cache: ShadowCache;
  readonly #outOfSync: OutOfSync;
  readonly #counters: ShadowCounters;
  /** A frame that is not to be mapped. */
  hidden = NO_FRAME;
  /** Where the kernel view executes copies. */
  executable: ExecutableFrames | undefined;

  constructor(
    memory: GuestMemory,
    walk: GuestWalk,
    entries: ShadowEntries,
    cache: ShadowCache,
    outOfSync: OutOfSync,
    counters: ShadowCounters,
  ) {
    this.#memory = memory;
    this.#walk = walk;
    this.#entries = entries;
    this.#cache = cache;
    this.#outOfSync = outOfSync;
    this.#counters = counters;
  }

  isMappable(gfn: number): boolean {
    return this.#memory.holds(gfn) && gfn !== this.hidden;
  }

  /** Makes the entries that lead to `gfn`, which is at `page` by the walk just made. */
  fill(
    root: ShadowRoot,
    page: number,
    gfn: number,
    paging: GuestPaging,
    mayWrite: boolean,
    canFetch: boolean,
  ): void {
    const walk = this.#walk;
    const { view } = root.page.role;
    let table = root.page;
    for (let level = 3; level >= 1; level--) {
      const place = entryPlace(table, indexOf(page, level + 1));
      const linked = this.#entries.child(place);
      // A link to a table stays only as long as the guest's entry is what it was.
      if (linked !== undefined && linked.role.kind !== 'direct') {
        this.#cache.touch(linked);
        table = linked;
        continue;
      }
      const { gfn: next, role } = roleOf(walk, level as 1 | 2 | 3, page, paging, view);
      const child = this.#cache.get(next, role);
      if (linked !== child) {
        this.#outOfSync.linked(child);
        this.#entries.setLink(place, child, baseIn(table, level, page));
      }
      this.#cache.touch(child);
      table = child;
    }
    const place = entryPlace(table, indexOf(page, 1));
    const isCopied = this.executable !== undefined && view === 'kernel' && canFetch;
    const copy = isCopied ? this.executable?.copyOf(gfn) : undefined;
    if (copy !== undefined) {
      this.#entries.setExecuteOnly(place, gfn, copy);
      return;
    }
    const canWrite = mayWrite && !this.#memory.isWatched(gfn);
    const leaf = { gfn, canWrite, canFetch: canFetch && !isCopied };
    this.#entries.setLeaf(place, leaf, this.#memory.frame(gfn));
  }

  /**
   * The textbook's loop over all present entries of the guest. What was not accessed, or not dirty, stays
   * for a fault, which sets the flags.
   */
  fillAll(root: ShadowRoot, paging: GuestPaging, pdptes: readonly number[]): void {
    const walk = this.#walk;
    const { view, flags } = root.page.role;
    for (const page of presentPages(this.#memory, paging, pdptes, MAX_EAGER)) {
      if (!this.#cache.hasRoom(CHAIN)) return;
      if (indexOf(page, 4) === root.slot || !walk.walk(page, paging, pdptes)) continue;
      const { mayRead, mayWrite, mayFetch } = leafRights(walk.rights, view, flags);
      if (!mayRead || !walk.isAccessed || !this.isMappable(walk.gfn)) continue;
      this.fill(root, page, walk.gfn, paging, mayWrite && walk.isDirty, mayFetch);
      this.#counters.eagerFills++;
    }
  }
}

/** Page that the first entry of a shadow page at `level` is for that leads to `page` from `parent`. */
function baseIn(parent: ShadowPage, level: number, page: number): number {
  return parent.base === ANYWHERE ? ANYWHERE : firstPage(page, level);
}
