/**
 * Shadow page tables (DESIGN.md section 3): for every root of the guest and each view a tree of 4-level tables that
 * the processor walks, filled on demand from the guest's own tables.
 *
 * A frame of the guest that is used as a table is watched: no leaf entry lets it be written, so every write comes
 * to `written`, which drops what was derived from the entries that changed. So shadows never differ from the
 * guest's tables; only the processor's TLB has to be flushed (`takeStale`).
 * Entries are always for user mode, since all of the guest runs at CPL 3.
 */

import type { MachineMemory } from '../../machine/memory.ts';
import { FRAME_VMM, type FramePool, PAGE_SIZE } from '../frames.ts';
import { type GuestMemory, WATCH_TABLE, type Watcher } from '../guest-memory.ts';
import type { GuestPaging } from './guest-paging.ts';
import { GuestWalk, RIGHT_NO_EXECUTE, RIGHT_USER, RIGHT_WRITE } from './guest-walk.ts';
import { countRoots, type RootCount } from './root-count.ts';
import { pageKey, type Role, type ShadowPage, type ViewName } from './shadow-page.ts';

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
  /** A write to a page table of the guest: to be emulated. */
  | 'table'
  /** There was no room: all shadows are gone, and the guest must get a new root. */
  | 'flushed';

/** The root of an address space, as CR3 takes it. */
export interface ShadowRoot {
  readonly page: ShadowPage;
  /** Entry of the PML4 that belongs to the VMM: its structures lie in the 512 GiB of this entry. It may move. */
  slot: number;
}

export interface ShadowCounters {
  fills: number;
  tableWrites: number;
  flushes: number;
}

const PTE_P = 1 << 0;
const PTE_RW = 1 << 1;
const PTE_US = 1 << 2;
const PTE_AD = 0x60;
const HIGH_XD = 2 ** 31;
const LINK = PTE_P | PTE_RW | PTE_US | PTE_AD;
const ENTRIES = 512;
const ENTRY_BYTES = 8;
/** Where the VMM's entry of a root is tried first; downward from there. */
const FIRST_SLOT = 509;

/** Shadow pages that a fill may need. */
const CHAIN = 4;

export class Shadow implements Watcher {
  readonly counters: ShadowCounters = { fills: 0, tableWrites: 0, flushes: 0 };
  readonly #memory: GuestMemory;
  readonly #machine: MachineMemory;
  readonly #view: DataView;
  readonly #pool: FramePool;
  readonly #limit: number;
  /** The entry of the VMM in every root: low and high half. */
  readonly #vmmLink: readonly [number, number];
  readonly #walk: GuestWalk;
  readonly #pages = new Map<number, ShadowPage>();
  readonly #roots = new Map<number, ShadowRoot>();
  /** Shadow pages of a table of the guest, by its frame. */
  readonly #tables = new Map<number, ShadowPage[]>();
  /** Leaf entries (HPA) by the frame of the guest that they map, and the other way round. */
  readonly #leaves = new Map<number, number[]>();
  readonly #mapped = new Map<number, number>();
  /** Roots by the place of the VMM's entry. */
  readonly #owned = new Map<number, ShadowRoot>();
  /** The PDPTE registers that an upper page of PAE paging was made for. */
  readonly #pdptes = new Map<number, string>();
  #isStale = false;
  /** Changes whenever all shadows are dropped. */
  generation = 0;
  /** Changes whenever a frame begins or ceases to be watched. */
  watches = 0;

  /** `vmmTable` is the machine's frame of the PDPT that maps the VMM; `limit` bounds the number of shadow pages. */
  constructor(
    memory: GuestMemory,
    machine: MachineMemory,
    pool: FramePool,
    vmmTable: number,
    limit: number,
  ) {
    this.#memory = memory;
    this.#machine = machine;
    this.#view = new DataView(machine.bytes.buffer, machine.bytes.byteOffset, machine.size);
    this.#pool = pool;
    this.#limit = limit;
    this.#vmmLink = [((vmmTable << 12) | PTE_P | PTE_RW | PTE_AD) >>> 0, vmmTable >>> 20];
    this.#walk = new GuestWalk(memory);
    memory.setWatcher(WATCH_TABLE, this);
  }

  /** Roots that something is mapped through, and pages of all levels, counted by walking what there is. */
  get size(): RootCount & { readonly pages: number } {
    const roots = [...this.#roots.values()].filter((root) => this.#isUsed(root));
    return { ...countRoots(roots.map(({ page }) => page)), pages: this.#pages.size };
  }

  /** There is an entry besides the VMM's. */
  #isUsed({ page, slot }: ShadowRoot): boolean {
    for (let n = 0; n < ENTRIES; n++) {
      if (n !== slot && (this.#view.getUint32(entryPlace(page, n), true) & PTE_P) !== 0)
        return true;
    }
    return false;
  }

  /** True once after entries were taken away: the processor's translations must be flushed. */
  takeStale(): boolean {
    const isStale = this.#isStale;
    this.#isStale = false;
    return isStale;
  }

  /** The root for the guest's current one under `view`. */
  root(paging: GuestPaging, view: ViewName, pdptes: readonly number[]): ShadowRoot {
    if (!this.#hasRoom()) this.flush();
    const { gfn, role } = this.#table(4, 0, paging, view);
    const key = pageKey(gfn, role);
    if (paging.mode === 'pae') this.#checkPdptes(key, paging, view, pdptes);
    const known = this.#roots.get(key);
    if (known !== undefined) return known;
    const root = { page: this.#page(gfn, role), slot: FIRST_SLOT };
    this.#roots.set(key, root);
    this.#placeVmm(root);
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
    const { view } = root.page.role;
    const isPaged = paging.mode !== 'off';
    if (isPaged && !walk.walk(page, paging, pdptes)) return 'guest';
    const gfn = isPaged ? walk.gfn : page;
    const rights = leafRights(isPaged ? walk.rights : RIGHT_WRITE | RIGHT_USER, view, paging);
    if (!rights.mayRead && !(access.isFetch && rights.mayFetch)) return 'guest';
    if (access.isWrite && !rights.mayWrite) return 'guest';
    if (access.isFetch && !rights.mayFetch) return 'guest';
    if (!rights.mayRead || !this.#memory.holds(gfn)) return 'device';
    if (indexOf(page, 4) === root.slot) return 'device';
    if (access.isWrite && this.#memory.isWatched(gfn)) return 'table';
    if (!this.#hasRoom()) {
      this.flush();
      return 'flushed';
    }
    if (isPaged) walk.setFlags(access.isWrite);
    const canWrite = rights.mayWrite && (!isPaged || walk.isDirty);
    this.#fill(root, page, gfn, paging, canWrite, rights.mayFetch);
    this.counters.fills++;
    return 'filled';
  }

  /** Watches a frame of the guest for `reason`: takes the right to write to it away wherever it is mapped. */
  protect(gfn: number, reason: number): void {
    if (!this.#memory.watch(gfn, reason, true)) return;
    this.watches++;
    for (const place of this.#leaves.get(gfn) ?? []) {
      const low = this.#view.getUint32(place, true);
      this.#machine.writeU32(place, (low & ~PTE_RW) >>> 0);
    }
    this.#isStale = true;
  }

  /** Watcher: a table of the guest was written. */
  written(gpa: number, before: Uint8Array): void {
    const gfn = Math.floor(gpa / PAGE_SIZE);
    this.counters.tableWrites++;
    for (const page of this.#tables.get(gfn) ?? []) this.#update(page, gpa % PAGE_SIZE, before);
  }

  /** Drops all shadows. */
  flush(): void {
    for (const { frame } of this.#pages.values()) this.#pool.release(frame);
    for (const gfn of this.#tables.keys()) this.#memory.watch(gfn, WATCH_TABLE, false);
    this.#pages.clear();
    this.#roots.clear();
    this.#tables.clear();
    this.#leaves.clear();
    this.#mapped.clear();
    this.#owned.clear();
    this.#pdptes.clear();
    this.#isStale = true;
    this.generation++;
    this.counters.flushes++;
  }

  #hasRoom(): boolean {
    return this.#pages.size + CHAIN <= this.#limit && this.#pool.left >= CHAIN;
  }

  // --- Filling -----------------------------------------------------------------------------------

  /** Makes the entries that lead to `gfn`, which is at `page`. */
  #fill(
    root: ShadowRoot,
    page: number,
    gfn: number,
    paging: GuestPaging,
    canWrite: boolean,
    canFetch: boolean,
  ): void {
    const { view } = root.page.role;
    let table = root.page;
    for (let level = 3; level >= 1; level--) {
      const place = entryPlace(table, indexOf(page, level + 1));
      const { gfn: next, role } = this.#table(level as 1 | 2 | 3, page, paging, view);
      const child = this.#page(next, role);
      const link = ((child.frame << 12) | LINK) >>> 0;
      const old = this.#view.getUint32(place, true);
      if (old !== link) {
        if ((old & PTE_P) !== 0) this.#isStale = true;
        this.#setEntry(place, link, child.frame >>> 20);
      }
      table = child;
    }
    this.#mapLeaf(entryPlace(table, indexOf(page, 1)), gfn, canWrite, canFetch);
  }

  #mapLeaf(place: number, gfn: number, canWrite: boolean, canFetch: boolean): void {
    this.#drop(place);
    const frame = this.#memory.frame(gfn);
    const write = canWrite && !this.#memory.isWatched(gfn) ? PTE_RW : 0;
    const low = ((frame << 12) | PTE_P | PTE_US | PTE_AD | write) >>> 0;
    this.#setEntry(place, low, (frame >>> 20) + (canFetch ? 0 : HIGH_XD));
    const leaves = this.#leaves.get(gfn);
    if (leaves === undefined) this.#leaves.set(gfn, [place]);
    else leaves.push(place);
    this.#mapped.set(place, gfn);
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
      const rights = RIGHT_WRITE | RIGHT_USER;
      return { gfn: regionOf(page, level), role: { ...base, kind: 'direct', rights } };
    }
    const top = mode === '4-level' ? 4 : 2;
    if (level > top) {
      const id = mode === 'pae' ? paging.root / 32 : paging.root / PAGE_SIZE;
      return { gfn: id, role: { ...base, kind: 'upper', rights: RIGHT_WRITE | RIGHT_USER } };
    }
    if (level === 4) {
      const rights = RIGHT_WRITE | RIGHT_USER;
      return { gfn: paging.root / PAGE_SIZE, role: { ...base, kind: 'table', rights } };
    }
    if (level < leaf) {
      const all = steps[leaf]?.rights ?? 0;
      const rights = isDirty ? all : all & ~RIGHT_WRITE;
      return { gfn: regionOf(gfn, level), role: { ...base, kind: 'direct', rights } };
    }
    const rights = level === top ? RIGHT_WRITE | RIGHT_USER : (steps[level + 1]?.rights ?? 0);
    const part = mode === '32-bit' ? partOf(page, level) : 0;
    return { gfn: steps[level]?.gfn ?? 0, role: { ...base, kind: 'table', part, rights } };
  }

  /** The shadow page for a table, empty if it is new. */
  #page(gfn: number, role: Role): ShadowPage {
    const key = pageKey(gfn, role);
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const frame = this.#pool.take(FRAME_VMM);
    this.#machine.fill(frame * PAGE_SIZE, PAGE_SIZE, 0);
    const page = { role, gfn, frame };
    this.#pages.set(key, page);
    if (role.kind === 'table') this.#watch(gfn, page);
    return page;
  }

  #watch(gfn: number, page: ShadowPage): void {
    const pages = this.#tables.get(gfn);
    if (pages !== undefined) {
      pages.push(page);
      return;
    }
    this.#tables.set(gfn, [page]);
    if (this.#memory.holds(gfn)) this.protect(gfn, WATCH_TABLE);
  }

  // --- Dropping ----------------------------------------------------------------------------------

  /** Drops what `page` has of the entries from `offset` on that were `before` and are different now. */
  #update(page: ShadowPage, offset: number, before: Uint8Array): void {
    const { mode, level, part } = page.role;
    const bytes = mode === '32-bit' ? 4 : 8;
    const last = offset + before.length - 1;
    for (let entry = Math.floor(offset / bytes); entry * bytes <= last; entry++) {
      if (this.#onlySetsFlags(page.gfn, entry * bytes, bytes, offset, before)) continue;
      if (bytes === 8) this.#drop(entryPlace(page, entry));
      else if (level === 1 && entry >> 9 === part) this.#drop(entryPlace(page, entry & 511));
      else if (level === 2 && entry >> 8 === part) {
        this.#drop(entryPlace(page, (entry & 255) * 2));
        this.#drop(entryPlace(page, (entry & 255) * 2 + 1));
      }
    }
    const root = this.#roots.get(pageKey(page.gfn, page.role));
    // There was no free entry for the VMM: now there may be one.
    if (root !== undefined && !this.#isFree(root, root.slot)) this.#moveVmm(root);
  }

  /** The entry at `at` has changed by accessed and dirty flags set, if at all. */
  #onlySetsFlags(
    gfn: number,
    at: number,
    bytes: number,
    offset: number,
    before: Uint8Array,
  ): boolean {
    for (let n = 0; n < bytes; n++) {
      const old = before[at + n - offset];
      if (old === undefined) continue;
      const now = this.#memory.readU32(gfn * PAGE_SIZE + ((at + n) & ~3)) >>> (((at + n) & 3) * 8);
      const changed = (old ^ now) & 0xff;
      if ((changed & ~(n === 0 ? PTE_AD : 0)) !== 0 || (changed & old) !== 0) return false;
    }
    return true;
  }

  /** Takes the entry at `place` away. */
  #drop(place: number): void {
    const root = this.#owned.get(place);
    if (root !== undefined) {
      this.#moveVmm(root);
      return;
    }
    if ((this.#view.getUint32(place, true) & PTE_P) === 0) return;
    this.#setEntry(place, 0, 0);
    this.#isStale = true;
    const gfn = this.#mapped.get(place);
    if (gfn === undefined) return;
    this.#mapped.delete(place);
    const leaves = this.#leaves.get(gfn) ?? [];
    const at = leaves.indexOf(place);
    leaves[at] = leaves.at(-1) ?? 0;
    leaves.pop();
  }

  /** Clears the upper page of a PAE root whose PDPTE registers were loaded with something else. */
  #checkPdptes(key: number, paging: GuestPaging, view: ViewName, pdptes: readonly number[]): void {
    const now = pdptes.join();
    if (this.#pdptes.get(key) === now) return;
    this.#pdptes.set(key, now);
    const { gfn, role } = this.#table(3, 0, paging, view);
    const page = this.#pages.get(pageKey(gfn, role));
    for (let n = 0; page !== undefined && n < 4; n++) this.#drop(entryPlace(page, n));
  }

  // --- The VMM's entry ---------------------------------------------------------------------------

  /** Puts the VMM's entry at the first slot that the guest leaves free; if there is none, at the last tried. */
  #placeVmm(root: ShadowRoot): void {
    root.slot = FIRST_SLOT;
    while (root.slot > 0 && !this.#isFree(root, root.slot)) root.slot--;
    const place = entryPlace(root.page, root.slot);
    this.#owned.set(place, root);
    this.#setEntry(place, ...this.#vmmLink);
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
    this.#setEntry(place, 0, 0);
    this.#isStale = true;
    this.#placeVmm(root);
  }

  #setEntry(place: number, low: number, high: number): void {
    this.#machine.writeU32(place, low);
    this.#machine.writeU32(place + 4, high);
  }
}

/** HPA of an entry. */
function entryPlace({ frame }: ShadowPage, index: number): number {
  return frame * PAGE_SIZE + index * ENTRY_BYTES;
}

/** Index of `page` in a table at `level`. */
function indexOf(page: number, level: number): number {
  return Math.floor(page / ENTRIES ** (level - 1)) % ENTRIES;
}

/** First of the pages that a table at `level` spans. */
function regionOf(page: number, level: number): number {
  return page - (page % ENTRIES ** level);
}

/** Which part of a table with 1024 entries. */
function partOf(page: number, level: number): number {
  return level === 2 ? (page >>> 18) & 3 : (page >>> 9) & 1;
}

/** Role.flags. */
function flagsOf({ pse, wp, nxe, smep, smap }: GuestPaging): number {
  return (pse ? 1 : 0) | (wp ? 2 : 0) | (nxe ? 4 : 0) | (smep ? 8 : 0) | (smap ? 16 : 0);
}

/** What the guest may do under `view` to a page of these rights (SDM 3A 4.6.1). */
function leafRights(
  rights: number,
  view: ViewName,
  { wp, smep, smap }: GuestPaging,
): { readonly mayRead: boolean; readonly mayWrite: boolean; readonly mayFetch: boolean } {
  const isUser = (rights & RIGHT_USER) !== 0;
  const isWritable = (rights & RIGHT_WRITE) !== 0;
  const isCode = (rights & RIGHT_NO_EXECUTE) === 0;
  if (view === 'user') {
    return { mayRead: isUser, mayWrite: isUser && isWritable, mayFetch: isUser && isCode };
  }
  const mayRead = !(isUser && smap);
  return {
    mayRead,
    mayWrite: mayRead && (isWritable || !wp),
    mayFetch: isCode && !(isUser && smep),
  };
}
