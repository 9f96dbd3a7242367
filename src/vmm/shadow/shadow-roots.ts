/** The roots that there are, by what they stand for. */

import type { GuestPaging } from './guest-paging.ts';
import type { GuestWalk } from './guest-walk.ts';
import { countRoots, type RootCount } from './root-count.ts';
import type { ShadowCache } from './shadow-cache.ts';
import type { ShadowEntries } from './shadow-entries.ts';
import {
  entryPlace,
  pageKey,
  type ShadowPage,
  type ShadowRoot,
  type ViewName,
} from './shadow-page.ts';
import { roleOf } from './table-roles.ts';
import type { VmmSlots } from './vmm-slots.ts';

export class ShadowRoots {
  readonly #walk: GuestWalk;
  readonly #entries: ShadowEntries;
  readonly #cache: ShadowCache;
  readonly #slots: VmmSlots;
  readonly #roots = new Map<number, ShadowRoot>();
  /** The PDPTE registers that an upper page of PAE paging was made for. */
  readonly #pdptes = new Map<number, string>();
  /** Changes whenever a root is dropped. */
  generation = 0;

  constructor(walk: GuestWalk, entries: ShadowEntries, cache: ShadowCache, slots: VmmSlots) {
    this.#walk = walk;
    this.#entries = entries;
    this.#cache = cache;
    this.#slots = slots;
  }

  /** The root for the guest's current one under `view`; there is room for a page. */
  get(paging: GuestPaging, view: ViewName, pdptes: readonly number[]): ShadowRoot {
    const { gfn, role } = roleOf(this.#walk, 4, 0, paging, view);
    const key = pageKey(gfn, role);
    if (paging.mode === 'pae') this.#checkPdptes(key, paging, view, pdptes);
    const known = this.#roots.get(key);
    if (known !== undefined) return known;
    const root = { page: this.#cache.get(gfn, role), slot: 0 };
    this.#roots.set(key, root);
    this.#slots.place(root);
    return root;
  }

  /** The root that `page` is, if it is one. */
  of({ gfn, role }: ShadowPage): ShadowRoot | undefined {
    return role.level === 4 ? this.#roots.get(pageKey(gfn, role)) : undefined;
  }

  /** `page` is going, which may be a root. */
  released(page: ShadowPage): void {
    const root = this.of(page);
    if (root === undefined) return;
    this.#slots.forget(root);
    const key = pageKey(page.gfn, page.role);
    this.#roots.delete(key);
    this.#pdptes.delete(key);
    this.generation++;
  }

  /** Those that something is mapped through. */
  count(): RootCount {
    const isUsed = ({ page, slot }: ShadowRoot): boolean =>
      this.#entries.hasOther(page, entryPlace(page, slot));
    const roots = [...this.#roots.values()].filter(isUsed);
    return countRoots(roots.map(({ page }) => page));
  }

  /** Clears the upper page of a PAE root whose PDPTE registers were loaded with something else. */
  #checkPdptes(key: number, paging: GuestPaging, view: ViewName, pdptes: readonly number[]): void {
    const now = pdptes.join();
    if (this.#pdptes.get(key) === now) return;
    this.#pdptes.set(key, now);
    const { gfn, role } = roleOf(this.#walk, 3, 0, paging, view);
    const page = this.#cache.find(gfn, role);
    for (let n = 0; page !== undefined && n < 4; n++) this.#entries.drop(entryPlace(page, n));
  }
}
