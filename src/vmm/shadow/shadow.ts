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
import type { GuestPaging } from './guest-paging.ts';
import { GuestWalk, PTE_A, PTE_D, RIGHT_USER, RIGHT_WRITE } from './guest-walk.ts';
import { flagsOf, type LeafRights, leafRights } from './leaf-rights.ts';
import { OutOfSync } from './out-of-sync.ts';
import { presentPages } from './present-pages.ts';
import { countRoots, type RootCount } from './root-count.ts';
import { ShadowCache, type ShadowCacheOwner } from './shadow-cache.ts';
import { ShadowEntries } from './shadow-entries.ts';
import {
  ENTRIES,
  ENTRY_BYTES,
  entryPlace,
  pageKey,
  type Role,
  type ShadowPage,
  type ViewName,
} from './shadow-page.ts';

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

/** Frames that the kernel view may execute only in a copy. */
export interface ExecutableFrames {
  /** The machine's frame with the copy of a frame that is code; undefined for one that is data. */
  copyOf(gfn: number): number | undefined;
  /** The kernel fetches from a frame, which is code from now on. */
  fetched(gfn: number): void;
  /** An access to a frame as data: true if it is data now, false if it must stay code. */
  release(gfn: number): boolean;
  /** The guest's memory has been replaced by another. */
  clear(): void;
}

/** The root of an address space, as CR3 takes it. */
export interface ShadowRoot {
  readonly page: ShadowPage;
  /** Entry of the PML4 that belongs to the VMM: its structures lie in the 512 GiB of this entry. It may move. */
  slot: number;
}

/** How a shadow gets its entries: as the guest uses them, or all at once when it loads CR3. */
export const SHADOW_FILLS = ['lazy', 'eager'] as const;
export type ShadowFill = (typeof SHADOW_FILLS)[number];

export interface ShadowOptions {
  /** The machine's frame of the PDPT that maps the VMM. */
  readonly vmmTable: number;
  /** Most shadow pages that there can be. */
  readonly limit: number;
  readonly fill: ShadowFill;
}

export interface ShadowCounters {
  /** Page faults that only the shadow had made, and those that are the guest's own. */
  hiddenFaults: number;
  trueFaults: number;
  /** Pages mapped by the eager fill. */
  eagerFills: number;
  /** Writes to tables of the guest that were emulated. */
  tableWrites: number;
  /** Invalidations by the guest. */
  flushes: number;
  /** Tables that went out of sync, and came back. */
  unsynced: number;
  resynced: number;
  /** Tables that were written to so often that they cannot be tables any more. */
  flooded: number;
  /** Shadow pages that had to make room. */
  reclaimed: number;
}

/** Roots that something is mapped through, pages of all levels, and tables out of sync, counted by walking what there is. */
export interface ShadowSize extends RootCount {
  readonly pages: number;
  readonly outOfSync: number;
}

const PTE_P = 1 << 0;
const FLAGS = PTE_A | PTE_D;
const ALL_RIGHTS = RIGHT_WRITE | RIGHT_USER;
/** Where the VMM's entry of a root is tried first; downward from there. */
const FIRST_SLOT = 509;
/** Shadow pages that a fill may need. */
const CHAIN = 4;
/** So many writes to a table that nothing was filled through meanwhile: it is a table no more. */
const FLOOD = 32;
const MAX_OUT_OF_SYNC = 64;
const MAX_CLEARED = 4096;
/** Pages that the eager fill looks at. */
const MAX_EAGER = 2 ** 16;
const NO_FRAME = -1;

export class Shadow implements Watcher, ShadowCacheOwner {
  readonly counters: ShadowCounters = {
    hiddenFaults: 0,
    trueFaults: 0,
    eagerFills: 0,
    tableWrites: 0,
    flushes: 0,
    unsynced: 0,
    resynced: 0,
    flooded: 0,
    reclaimed: 0,
  };
  readonly #memory: GuestMemory;
  readonly #options: ShadowOptions;
  readonly #walk: GuestWalk;
  readonly #entries: ShadowEntries;
  readonly #cache: ShadowCache;
  readonly #outOfSync: OutOfSync;
  readonly #roots = new Map<number, ShadowRoot>();
  /** Roots by the place of the VMM's entry. */
  readonly #owned = new Map<number, ShadowRoot>();
  /** The PDPTE registers that an upper page of PAE paging was made for. */
  readonly #pdptes = new Map<number, string>();
  /** GPAs of entries whose accessed or dirty flag was cleared since the last invalidation. */
  readonly #cleared = new Set<number>();
  #hidden = NO_FRAME;
  #executable: ExecutableFrames | undefined;
  /** Changes whenever a root is dropped. */
  generation = 0;
  /** Changes whenever a frame begins or ceases to be watched. */
  watches = 0;
  /** Pages (GuestWalk) whose translations are followed elsewhere: `changes` differs whenever they may. */
  readonly followed = new Set<number>();
  changes = 0;

  constructor(
    memory: GuestMemory,
    machine: MachineMemory,
    pool: FramePool,
    options: ShadowOptions,
  ) {
    this.#memory = memory;
    this.#options = options;
    this.#walk = new GuestWalk(memory);
    this.#entries = new ShadowEntries(machine);
    this.#cache = new ShadowCache(pool, options.limit, this);
    this.#outOfSync = new OutOfSync(memory, this.#cache, this.#entries);
    memory.setWatcher(WATCH_TABLE, this);
  }

  /** From now on the kernel view executes copies. */
  setExecutable(frames: ExecutableFrames): void {
    this.#executable = frames;
  }

  get size(): ShadowSize {
    const isUsed = ({ page, slot }: ShadowRoot): boolean =>
      this.#entries.hasOther(page, entryPlace(page, slot));
    const roots = [...this.#roots.values()].filter(isUsed);
    return {
      ...countRoots(roots.map(({ page }) => page)),
      pages: [...this.#cache.pages].length,
      outOfSync: this.#outOfSync.size,
    };
  }

  /** True once after entries were taken away: the processor's translations must be flushed. */
  takeStale(): boolean {
    return this.#entries.takeStale();
  }

  /** The root for the guest's current one under `view`. */
  root(paging: GuestPaging, view: ViewName, pdptes: readonly number[]): ShadowRoot {
    this.#makeRoom();
    const { gfn, role } = this.#table(4, 0, paging, view);
    const key = pageKey(gfn, role);
    if (paging.mode === 'pae') this.#checkPdptes(key, paging, view, pdptes);
    const root = this.#roots.get(key) ?? this.#addRoot(key, gfn, role);
    this.#cache.touch(root.page);
    if (this.#options.fill === 'eager') this.#fillAll(root, paging, pdptes);
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
    if (!rights.mayRead || !this.#isMappable(gfn)) return 'device';
    if (indexOf(page, 4) === root.slot) return 'device';
    if (!this.#settle(gfn, access, view, rights)) return 'code';
    if (access.isWrite && this.#memory.isWatched(gfn) && !this.#unsync(gfn)) return 'table';
    this.#cache.touch(root.page);
    this.#makeRoom();
    if (isPaged) walk.setFlags(access.isWrite);
    const canWrite = rights.mayWrite && (!isPaged || walk.isDirty);
    this.#fill(root, page, gfn, paging, canWrite, rights.mayFetch);
    this.counters.hiddenFaults++;
    return 'filled';
  }

  /** The guest has used the frame number `gfn` as a page table, as far as is known. */
  hasTable(gfn: number): boolean {
    return this.#cache.ofTable(gfn).length > 0;
  }

  /** Watches a frame of the guest for `reason`: takes the right to write to it away wherever it is mapped. */
  protect(gfn: number, reason: number): void {
    if (!this.#memory.watch(gfn, reason, true)) return;
    this.watches++;
    this.#entries.protect(gfn);
  }

  /** Ends to watch it for `reason`. */
  unprotect(gfn: number, reason: number): void {
    if (this.#memory.watch(gfn, reason, false)) this.watches++;
  }

  /** Frame `gfn` of the guest is not its RAM but a device's, where no page table leads to; one frame at a time. */
  hide(gfn: number): void {
    if (this.#hidden === gfn) return;
    this.#hidden = gfn;
    this.#entries.hide(gfn);
  }

  /**
   * The guest has invalidated translations of `page` (GuestWalk), or all of them. What is derived from tables that were
   * written to since is true from now on.
   */
  invalidate(page: number | undefined, paging: GuestPaging, pdptes: readonly number[]): void {
    this.counters.flushes++;
    if (page === undefined || this.followed.has(page)) this.changes++;
    this.#dropCleared();
    if (this.#outOfSync.size === 0) return;
    if (page === undefined) {
      this.#resyncAll();
      return;
    }
    if (paging.mode === 'off') return;
    // Only the table that the page is found through now: others are looked at when they are linked.
    this.#walk.walk(page, paging, pdptes);
    const { gfn, offset } = this.#walk.steps[1] ?? { gfn: NO_FRAME, offset: 0 };
    if (this.#walk.last === 1 && this.#outOfSync.has(gfn)) this.#outOfSync.recheckAt(gfn, offset);
  }

  /** Drops all shadows: the guest's memory has been replaced by another. */
  clear(): void {
    for (const page of [...this.#cache.pages]) this.#cache.remove(page);
    this.#cleared.clear();
    this.#executable?.clear();
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
    for (const page of pages) this.#update(page, gpa % PAGE_SIZE, before);
    if (this.#unsync(gfn)) return;
    for (const page of pages) page.writes++;
    if (pages.every(({ writes }) => writes < FLOOD)) return;
    this.counters.flooded++;
    for (const page of pages) this.#cache.remove(page);
  }

  /** ShadowCacheOwner. */
  tableChanged(gfn: number, isTable: boolean): void {
    if (!this.#memory.holds(gfn)) return;
    if (isTable) this.protect(gfn, WATCH_TABLE);
    else {
      this.#outOfSync.remove(gfn);
      this.unprotect(gfn, WATCH_TABLE);
    }
  }

  /** ShadowCacheOwner. */
  released(page: ShadowPage): void {
    this.#entries.dropPage(page);
    if (page.role.level !== 4) return;
    const key = pageKey(page.gfn, page.role);
    const root = this.#roots.get(key);
    if (root !== undefined) this.#owned.delete(entryPlace(page, root.slot));
    this.#roots.delete(key);
    this.#pdptes.delete(key);
    this.generation++;
  }

  /** Makes a frame code or data as the access needs it; false if it must stay code. */
  #settle(gfn: number, access: Access, view: ViewName, { mayFetch }: LeafRights): boolean {
    const executable = this.#executable;
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

  #isMappable(gfn: number): boolean {
    return this.#memory.holds(gfn) && gfn !== this.#hidden;
  }

  // --- Filling -----------------------------------------------------------------------------------

  /** Makes the entries that lead to `gfn`, which is at `page` by the walk just made. */
  #fill(
    root: ShadowRoot,
    page: number,
    gfn: number,
    paging: GuestPaging,
    mayWrite: boolean,
    canFetch: boolean,
  ): void {
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
      const { gfn: next, role } = this.#table(level as 1 | 2 | 3, page, paging, view);
      const child = this.#page(next, role);
      if (linked !== child) {
        // Here it was not found before, so nothing of it may be stale.
        if (this.#outOfSync.has(next)) this.#outOfSync.recheck(next);
        this.#entries.setLink(place, child);
      }
      this.#cache.touch(child);
      table = child;
    }
    const place = entryPlace(table, indexOf(page, 1));
    const isCopied = this.#executable !== undefined && view === 'kernel' && canFetch;
    const copy = isCopied ? this.#executable?.copyOf(gfn) : undefined;
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
  #fillAll(root: ShadowRoot, paging: GuestPaging, pdptes: readonly number[]): void {
    const walk = this.#walk;
    const { view, flags } = root.page.role;
    for (const page of presentPages(this.#memory, paging, pdptes, MAX_EAGER)) {
      if (!this.#cache.hasRoom(CHAIN)) return;
      if (indexOf(page, 4) === root.slot || !walk.walk(page, paging, pdptes)) continue;
      const { mayRead, mayWrite, mayFetch } = leafRights(walk.rights, view, flags);
      if (!mayRead || !walk.isAccessed || !this.#isMappable(walk.gfn)) continue;
      this.#fill(root, page, walk.gfn, paging, mayWrite && walk.isDirty, mayFetch);
      this.counters.eagerFills++;
    }
  }

  /** What the shadow page at `level` on the way to `page` stands for, by the walk just made. */
  #table(
    level: 1 | 2 | 3 | 4,
    page: number,
    paging: GuestPaging,
    view: ViewName,
  ): { readonly gfn: number; readonly role: Role } {
    const { mode } = paging;
    const { steps, leaf, gfn, isDirty } = this.#walk;
    const base = { mode, view, level, part: 0, flags: flagsOf(paging) };
    if (mode === 'off') {
      return { gfn: regionOf(page, level), role: { ...base, kind: 'direct', rights: ALL_RIGHTS } };
    }
    const top = mode === '4-level' ? 4 : 2;
    if (level > top) {
      const id = mode === 'pae' ? paging.root / 32 : paging.root / PAGE_SIZE;
      return { gfn: id, role: { ...base, kind: 'upper', rights: ALL_RIGHTS } };
    }
    if (level === 4) {
      return {
        gfn: paging.root / PAGE_SIZE,
        role: { ...base, kind: 'table', rights: ALL_RIGHTS },
      };
    }
    if (level < leaf) {
      const all = steps[leaf]?.rights ?? 0;
      // A kernel that ignores R/W may write through an entry that others share: D is its own all the same.
      const part = isDirty ? 1 : 0;
      const rights = isDirty ? all : all & ~RIGHT_WRITE;
      return { gfn: regionOf(gfn, level), role: { ...base, kind: 'direct', part, rights } };
    }
    const rights = level === top ? ALL_RIGHTS : (steps[level + 1]?.rights ?? 0);
    const part = mode === '32-bit' ? partOf(page, level) : 0;
    return { gfn: steps[level]?.gfn ?? 0, role: { ...base, kind: 'table', part, rights } };
  }

  /** The shadow page for a table, empty if it is new. */
  #page(gfn: number, role: Role): ShadowPage {
    const known = this.#cache.find(gfn, role);
    if (known !== undefined) return known;
    if (role.kind === 'table' && role.level > 1) this.#protectTable(gfn);
    const page = this.#cache.add(gfn, role);
    this.#entries.clear(page);
    return page;
  }

  // --- Out of sync -------------------------------------------------------------------------------

  /** Lets the guest write to its table in frame `gfn` until it invalidates translations; false if it must not. */
  #unsync(gfn: number): boolean {
    const pages = this.#cache.ofTable(gfn);
    const isLast = pages.length > 0 && pages.every(({ role }) => role.level === 1);
    if (!isLast || !this.#memory.isWatchedOnlyFor(gfn, WATCH_TABLE)) return false;
    if (this.#outOfSync.size >= MAX_OUT_OF_SYNC) this.#resyncAll();
    this.#outOfSync.add(gfn);
    this.unprotect(gfn, WATCH_TABLE);
    this.counters.unsynced++;
    return true;
  }

  /** The table in frame `gfn` is not to be out of sync. */
  #protectTable(gfn: number): void {
    if (!this.#outOfSync.has(gfn)) return;
    this.#outOfSync.recheck(gfn);
    this.#outOfSync.remove(gfn);
    this.counters.resynced++;
    this.protect(gfn, WATCH_TABLE);
  }

  #resyncAll(): void {
    for (const gfn of this.#outOfSync.tables) {
      const isUsed = this.#outOfSync.recheck(gfn);
      this.#outOfSync.remove(gfn);
      this.counters.resynced++;
      if (isUsed) this.protect(gfn, WATCH_TABLE);
      // Otherwise it may be a table no more.
      else for (const page of this.#cache.ofTable(gfn)) this.#cache.remove(page);
    }
  }

  // --- Dropping ----------------------------------------------------------------------------------

  /** Drops what `page` has of the entries from `offset` on that were `before` and are different now. */
  #update(page: ShadowPage, offset: number, before: Uint8Array): void {
    const bytes = page.role.mode === '32-bit' ? 4 : 8;
    const last = offset + before.length - 1;
    for (let entry = Math.floor(offset / bytes); entry * bytes <= last; entry++) {
      const change = this.#change(page.gfn, entry * bytes, bytes, offset, before);
      if (change === 'flags') this.#noteCleared(page.gfn * PAGE_SIZE + entry * bytes);
      else if (change === 'other') this.#dropEntry(page, entry);
    }
    const root = this.#roots.get(pageKey(page.gfn, page.role));
    // There was no free entry for the VMM: now there may be one.
    if (root !== undefined && !this.#isFree(root, root.slot)) this.#moveVmm(root);
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
    if (this.#cleared.size >= MAX_CLEARED) this.#dropCleared();
    this.#cleared.add(gpa);
  }

  #dropCleared(): void {
    for (const gpa of this.#cleared) this.#dropAt(gpa);
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
    if (mode !== '32-bit') this.#drop(entryPlace(page, entry));
    else if (level === 1 && entry >> 9 === part) this.#drop(entryPlace(page, entry & 511));
    else if (level === 2 && entry >> 8 === part) {
      this.#drop(entryPlace(page, (entry & 255) * 2));
      this.#drop(entryPlace(page, (entry & 255) * 2 + 1));
    }
  }

  /** Takes the entry at `place` away. */
  #drop(place: number): void {
    const root = this.#owned.get(place);
    if (root !== undefined) {
      this.#moveVmm(root);
      return;
    }
    this.#entries.drop(place);
  }

  /** Clears the upper page of a PAE root whose PDPTE registers were loaded with something else. */
  #checkPdptes(key: number, paging: GuestPaging, view: ViewName, pdptes: readonly number[]): void {
    const now = pdptes.join();
    if (this.#pdptes.get(key) === now) return;
    this.#pdptes.set(key, now);
    const { gfn, role } = this.#table(3, 0, paging, view);
    const page = this.#cache.find(gfn, role);
    for (let n = 0; page !== undefined && n < 4; n++) this.#drop(entryPlace(page, n));
  }

  // --- The VMM's entry ---------------------------------------------------------------------------

  #addRoot(key: number, gfn: number, role: Role): ShadowRoot {
    const root = { page: this.#page(gfn, role), slot: FIRST_SLOT };
    this.#roots.set(key, root);
    this.#placeVmm(root);
    return root;
  }

  /** Puts the VMM's entry at the first slot that the guest leaves free; if there is none, at the last tried. */
  #placeVmm(root: ShadowRoot): void {
    root.slot = FIRST_SLOT;
    while (root.slot > 0 && !this.#isFree(root, root.slot)) root.slot--;
    const place = entryPlace(root.page, root.slot);
    this.#owned.set(place, root);
    this.#entries.setSupervisor(place, this.#options.vmmTable);
  }

  /** The guest has nothing at `slot`. */
  #isFree({ page }: ShadowRoot, slot: number): boolean {
    if (page.role.kind !== 'table') return true;
    return (this.#memory.readU32(page.gfn * PAGE_SIZE + slot * ENTRY_BYTES) & PTE_P) === 0;
  }

  /** The guest has written its entry at the VMM's slot. */
  #moveVmm(root: ShadowRoot): void {
    const place = entryPlace(root.page, root.slot);
    this.#owned.delete(place);
    this.#entries.drop(place);
    this.#placeVmm(root);
  }
}

/** Index of `page` in a table at `level`. */
function indexOf(page: number, level: number): number {
  return Math.floor(page / 2 ** (9 * (level - 1))) & (ENTRIES - 1);
}

/** First of the pages that a table at `level` spans. */
function regionOf(page: number, level: number): number {
  return page - (page % ENTRIES ** level);
}

/** Which part of a table with 1024 entries. */
function partOf(page: number, level: number): number {
  return level === 2 ? (page >>> 18) & 3 : (page >>> 9) & 1;
}

function isAllowed({ isWrite, isFetch }: Access, rights: LeafRights): boolean {
  if (isFetch) return rights.mayFetch;
  return rights.mayRead && (rights.mayWrite || !isWrite);
}
