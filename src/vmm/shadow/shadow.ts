/**
 * Shadow page tables (DESIGN.md section 3): for every root of the guest and each view a tree of 4-level tables that
 * the processor walks, filled from the guest's own tables.
 *
 * A frame of the guest that is used as a table is watched: no leaf entry lets it be written, so every write comes
 * to `written`, which drops what was derived from the entries that changed. Tables of the last level may be out of sync
 * instead (out-of-sync.ts) until the guest invalidates translations, which `invalidate` hears of.
 */

import type { MachineMemory } from '../../machine/memory.ts';
import { type FramePool, PAGE_SIZE } from '../frames.ts';
import { type GuestMemory, WATCH_TABLE, type Watcher } from '../guest-memory.ts';
import type { ExecutableFrames } from './executable-frames.ts';
import { CHAIN, Filling } from './filling.ts';
import type { GuestPaging } from './guest-paging.ts';
import { GuestWalk } from './guest-walk.ts';
import { type LeafRights, leafRights } from './leaf-rights.ts';
import { OutOfSync } from './out-of-sync.ts';
import type { RootCount } from './root-count.ts';
import { ShadowCache, type ShadowCacheOwner } from './shadow-cache.ts';
import { newCounters, type ShadowCounters } from './shadow-counters.ts';
import { ShadowEntries } from './shadow-entries.ts';
import { indexOf, type ShadowPage, type ShadowRoot, type ViewName } from './shadow-page.ts';
import { ShadowRoots } from './shadow-roots.ts';
import { ALL_RIGHTS } from './table-roles.ts';
import { TableWrites } from './table-writes.ts';
import { FIRST_SLOT, VmmSlots } from './vmm-slots.ts';
import { WriteProtection } from './write-protection.ts';

export type { ExecutableFrames, ShadowRoot };

/** What an access wants. */
export interface Access {
  readonly isWrite: boolean;
  readonly isFetch: boolean;
}

/** What becomes of a page fault. */
export type Outcome =
  /** The shadow lacked an entry, which it now has: the guest goes on. */
  | 'filled'
  /** By the guest's own tables too. */
  | 'guest'
  /** There is no RAM, or the guest must not have it mapped: the access is to be emulated. */
  | 'device'
  /** A write to a table of the guest: to be emulated. */
  | 'table'
  /** To code that runs from a copy: the access is to be emulated. */
  | 'code';

/** How a shadow gets its entries: as the guest uses them, or all at once when it loads CR3. */
export const SHADOW_FILLS = ['lazy', 'eager'] as const;
export type ShadowFill = (typeof SHADOW_FILLS)[number];

/**
 * When a shadow takes over what the guest has written to a table of the last level: once the guest invalidates
 * translations, or at each write, which is an exit.
 */
export const SHADOW_SYNCS = ['flush', 'write'] as const;
export type ShadowSync = (typeof SHADOW_SYNCS)[number];

export interface ShadowOptions {
  /** The machine's frame of the PDPT that maps the VMM. */
  readonly vmmTable: number;
  /** The entry of each root that is the VMM's unless the guest uses it. */
  readonly firstSlot?: number;
  /** Most shadow pages that there can be. */
  readonly limit: number;
  readonly fill: ShadowFill;
  readonly sync: ShadowSync;
}

/** Roots that something is mapped through, pages of all levels, and tables out of sync, counted by walking what there is. */
export interface ShadowSize extends RootCount {
  readonly pages: number;
  readonly outOfSync: number;
}

/** So many writes to a table that nothing was filled through meanwhile: it is a table no more. */
const FLOOD = 32;

export class Shadow implements Watcher, ShadowCacheOwner {
  readonly counters: ShadowCounters = newCounters();
  readonly #memory: GuestMemory;
  readonly #isEager: boolean;
  readonly #walk: GuestWalk;
  readonly #entries: ShadowEntries;
  readonly #cache: ShadowCache;
  readonly #protection: WriteProtection;
  readonly #outOfSync: OutOfSync;
  readonly #roots: ShadowRoots;
  readonly #writes: TableWrites;
  readonly #filling: Filling;
  /** Pages (GuestWalk) whose translations are followed elsewhere: `changes` differs whenever they may. */
  readonly followed = new Set<number>();
  changes = 0;

  constructor(
    memory: GuestMemory,
    machine: MachineMemory,
    pool: FramePool,
    options: ShadowOptions,
  ) {
    const { counters } = this;
    const walk = new GuestWalk(memory);
    const entries = new ShadowEntries(machine);
    const cache = new ShadowCache(pool, options.limit, this);
    const slots = new VmmSlots(memory, entries, options.vmmTable, options.firstSlot ?? FIRST_SLOT);
    this.#memory = memory;
    this.#isEager = options.fill === 'eager';
    this.#walk = walk;
    this.#entries = entries;
    this.#cache = cache;
    this.#protection = new WriteProtection(memory, entries);
    const isLax = options.sync === 'flush';
    this.#outOfSync = new OutOfSync(isLax, memory, cache, entries, this.#protection, counters);
    this.#roots = new ShadowRoots(walk, entries, cache, slots);
    this.#writes = new TableWrites(memory, cache, this.#roots, slots);
    this.#filling = new Filling(memory, walk, entries, cache, this.#outOfSync, counters);
    memory.setWatcher(WATCH_TABLE, this);
  }

  /** From now on the kernel view executes copies. */
  setExecutable(frames: ExecutableFrames): void {
    this.#filling.executable = frames;
  }

  get size(): ShadowSize {
    return {
      ...this.#roots.count(),
      pages: [...this.#cache.pages].length,
      outOfSync: this.#outOfSync.size,
    };
  }

  /** Changes whenever a root is dropped. */
  get generation(): number {
    return this.#roots.generation;
  }

  /** Changes whenever a frame begins or ceases to be watched. */
  get watches(): number {
    return this.#protection.changes;
  }

  /** Once after entries were taken away, where the processor must forget translations (ShadowEntries). */
  takeStale(): number {
    return this.#entries.takeStale();
  }

  /** The root for the guest's current one under `view`. */
  root(paging: GuestPaging, view: ViewName, pdptes: readonly number[]): ShadowRoot {
    this.#makeRoom();
    const root = this.#roots.get(paging, view, pdptes);
    this.#cache.touch(root.page);
    if (this.#isEager) this.#filling.fillAll(root, paging, pdptes);
    return root;
  }

  /** The processor faulted on an access to `page` (GuestWalk) in `root`: fills the shadow if the guest's tables allow. */
  fault(
    root: ShadowRoot,
    page: number,
    access: Access,
    paging: GuestPaging,
    pdptes: readonly number[],
  ): Outcome {
    const walk = this.#walk;
    const { view, flags } = root.page.role;
    const isPaged = paging.mode !== 'off';
    if (isPaged && !walk.walk(page, paging, pdptes)) return this.#true();
    const gfn = isPaged ? walk.gfn : page;
    const rights = leafRights(isPaged ? walk.rights : ALL_RIGHTS, view, flags);
    if (!isAllowed(access, rights)) return this.#true();
    if (!rights.mayRead || !this.#filling.isMappable(gfn)) return 'device';
    if (indexOf(page, 4) === root.slot) return 'device';
    if (!this.#settle(gfn, access, view, rights)) return 'code';
    if (access.isWrite && this.#memory.isWatched(gfn) && !this.#outOfSync.begin(gfn))
      return 'table';
    this.#cache.touch(root.page);
    this.#makeRoom();
    if (isPaged) walk.setFlags(access.isWrite);
    if (this.followed.has(page)) this.changes++;
    const canWrite = rights.mayWrite && (!isPaged || walk.isDirty);
    this.#filling.fill(root, page, gfn, paging, canWrite, rights.mayFetch);
    this.counters.hiddenFaults++;
    return 'filled';
  }

  /** The guest has used the frame number `gfn` as a page table, as far as is known. */
  hasTable(gfn: number): boolean {
    return this.#cache.ofTable(gfn).length > 0;
  }

  /** Watches a frame of the guest for `reason`: takes the right to write to it away wherever it is mapped. */
  protect(gfn: number, reason: number): void {
    this.#protection.protect(gfn, reason);
  }

  /** Ends to watch it for `reason`. */
  unprotect(gfn: number, reason: number): void {
    this.#protection.unprotect(gfn, reason);
  }

  /** Frame `gfn` of the guest is not its RAM but a device's, where no page table leads to; one frame at a time. */
  hide(gfn: number): void {
    if (this.#filling.hidden === gfn) return;
    this.#filling.hidden = gfn;
    this.#entries.hide(gfn);
  }

  /**
   * The guest has invalidated translations of `page` (GuestWalk), or all of them. What is derived from tables that were
   * written to since is true from now on.
   */
  invalidate(page: number | undefined, paging: GuestPaging, pdptes: readonly number[]): void {
    this.counters.flushes++;
    if (page === undefined || this.followed.has(page)) this.changes++;
    this.#writes.dropCleared();
    this.#outOfSync.invalidate(page, paging, pdptes);
  }

  /** Drops all shadows: the guest's memory has been replaced by another. */
  clear(): void {
    for (const page of [...this.#cache.pages]) this.#cache.remove(page);
    this.#writes.clear();
    this.#filling.executable?.clear();
    this.changes++;
  }

  /** Takes every leaf entry for a frame of the guest away. */
  unmap(gfn: number): void {
    this.#entries.hide(gfn);
  }

  /** Watcher: a table of the guest was written. */
  written(gpa: number, before: Uint8Array): void {
    const gfn = Math.floor(gpa / PAGE_SIZE);
    const pages = this.#cache.ofTable(gfn);
    this.counters.tableWrites++;
    this.changes++;
    for (const page of pages) this.#writes.update(page, gpa % PAGE_SIZE, before);
    if (this.#outOfSync.begin(gfn)) return;
    for (const page of pages) page.writes++;
    if (pages.every(({ writes }) => writes < FLOOD)) return;
    this.counters.flooded++;
    for (const page of pages) this.#cache.remove(page);
  }

  /** ShadowCacheOwner. */
  added(page: ShadowPage): void {
    // Only tables of the last level can be out of sync.
    if (page.role.kind === 'table' && page.role.level > 1) this.#outOfSync.end(page.gfn);
    this.#entries.clear(page);
  }

  /** ShadowCacheOwner. */
  tableChanged(gfn: number, isTable: boolean): void {
    if (!this.#memory.holds(gfn)) return;
    if (isTable) this.protect(gfn, WATCH_TABLE);
    else {
      this.#outOfSync.forget(gfn);
      this.unprotect(gfn, WATCH_TABLE);
    }
  }

  /** ShadowCacheOwner. */
  released(page: ShadowPage): void {
    this.#entries.dropPage(page);
    this.#roots.released(page);
  }

  /** Makes a frame code or data as the access needs it; false if it must stay code. */
  #settle(gfn: number, access: Access, view: ViewName, { mayFetch }: LeafRights): boolean {
    const executable = this.#filling.executable;
    if (executable === undefined) return true;
    if (access.isFetch) {
      if (view === 'kernel') executable.fetched(gfn);
      return true;
    }
    // Reads see the frame itself but where the copy must be mapped.
    if (!access.isWrite && (view === 'user' || !mayFetch)) return true;
    return executable.copyOf(gfn) === undefined || executable.release(gfn);
  }

  #true(): Outcome {
    this.counters.trueFaults++;
    return 'guest';
  }

  #makeRoom(): void {
    this.counters.reclaimed += this.#cache.makeRoom(CHAIN);
  }
}

function isAllowed({ isWrite, isFetch }: Access, rights: LeafRights): boolean {
  if (isFetch) return rights.mayFetch;
  return rights.mayRead && (rights.mayWrite || !isWrite);
}
