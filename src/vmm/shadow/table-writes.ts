/**
 * What a shadow drops when a table of the guest is written: all that was derived from the entries that changed. Accessed
 * and dirty flags that are cleared matter only once the guest invalidates translations, as they do to a TLB.
 */

import { PAGE_SIZE } from '../frames.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { PTE_A, PTE_D } from './guest-walk.ts';
import type { ShadowCache } from './shadow-cache.ts';
import { entryPlace, pageOfLeaf, type ShadowPage } from './shadow-page.ts';
import type { ShadowRoots } from './shadow-roots.ts';
import type { VmmSlots } from './vmm-slots.ts';

const FLAGS = PTE_A | PTE_D;
const MAX_CLEARED = 4096;

export class TableWrites {
  readonly #memory: GuestMemory;
  readonly #cache: ShadowCache;
  readonly #roots: ShadowRoots;
  readonly #slots: VmmSlots;
  /** GPAs of entries whose accessed or dirty flag was cleared since the last invalidation. */
  readonly #cleared = new Set<number>();

  constructor(memory: GuestMemory, cache: ShadowCache, roots: ShadowRoots, slots: VmmSlots) {
    this.#memory = memory;
    this.#cache = cache;
    this.#roots = roots;
    this.#slots = slots;
  }

  /** Drops what `page` has of the entries from `offset` on that were `before` and are different now. */
  update(page: ShadowPage, offset: number, before: Uint8Array): void {
    const bytes = page.role.mode === '32-bit' ? 4 : 8;
    const last = offset + before.length - 1;
    for (let entry = Math.floor(offset / bytes); entry * bytes <= last; entry++) {
      const change = this.#change(page.gfn, entry * bytes, bytes, offset, before);
      if (change === 'flags') this.#noteCleared(page.gfn * PAGE_SIZE + entry * bytes);
      else if (change === 'other') this.#dropEntry(page, entry);
    }
    const root = this.#roots.of(page);
    if (root !== undefined) this.#slots.review(root);
  }

  /**
   * How the entry at `at` has changed: accessed and dirty flags that were set make no difference, and those that were
   * cleared none before the guest invalidates translations.
   */
  #change(
    gfn: number,
    at: number,
    bytes: number,
    offset: number,
    before: Uint8Array,
  ): 'nothing' | 'flags' | 'other' {
    let cleared = 0;
    for (let n = 0; n < bytes; n++) {
      const old = before[at + n - offset];
      if (old === undefined) continue;
      const now = this.#memory.readU32(gfn * PAGE_SIZE + ((at + n) & ~3)) >>> (((at + n) & 3) * 8);
      const changed = (old ^ now) & 0xff;
      if ((changed & ~(n === 0 ? FLAGS : 0)) !== 0) return 'other';
      cleared |= changed & old;
    }
    return cleared === 0 ? 'nothing' : 'flags';
  }

  #noteCleared(gpa: number): void {
    if (this.#cleared.size >= MAX_CLEARED) this.dropCleared();
    this.#cleared.add(gpa);
  }

  /** The guest has invalidated translations. */
  dropCleared(): void {
    for (const gpa of this.#cleared) this.#dropAt(gpa);
    this.#cleared.clear();
  }

  /** All tables are gone. */
  clear(): void {
    this.#cleared.clear();
  }

  /** Drops what is derived from the entry at `gpa`. */
  #dropAt(gpa: number): void {
    for (const page of this.#cache.ofTable(Math.floor(gpa / PAGE_SIZE))) {
      const bytes = page.role.mode === '32-bit' ? 4 : 8;
      this.#dropEntry(page, Math.floor((gpa % PAGE_SIZE) / bytes));
    }
  }

  /** Drops what `page` has of the guest's entry number `entry`. */
  #dropEntry(page: ShadowPage, entry: number): void {
    const { mode, level, part } = page.role;
    if (level === 1) {
      const isHere = mode !== '32-bit' || entry >> 9 === part;
      if (isHere) this.#slots.drop(entryPlace(page, entry & 511), pageOfLeaf(page, entry & 511));
    } else if (mode !== '32-bit') this.#slots.drop(entryPlace(page, entry));
    else if (level === 2 && entry >> 8 === part) {
      this.#slots.drop(entryPlace(page, (entry & 255) * 2));
      this.#slots.drop(entryPlace(page, (entry & 255) * 2 + 1));
    }
  }
}
