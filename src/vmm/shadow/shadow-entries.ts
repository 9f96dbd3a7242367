/**
 * The entries of shadow pages, in the machine's memory, with the ways back from what they name: leaf entries by the
 * frame of the guest that they map, links by the shadow page that they lead to.
 */

import type { MachineMemory } from '../../machine/memory.ts';
import { PAGE_SIZE } from '../frames.ts';
import { ReverseMap } from './reverse-map.ts';
import { ANYWHERE, ENTRIES, entryPlace, NOWHERE, type ShadowPage } from './shadow-page.ts';

const PTE_P = 1 << 0;
const PTE_RW = 1 << 1;
const PTE_US = 1 << 2;
const PTE_AD = 0x60;
const HIGH_XD = 2 ** 31;
/** Entries are always for user mode, since all of the guest runs at CPL 3. */
const USER = PTE_P | PTE_US | PTE_AD;
const SUPERVISOR = PTE_P | PTE_RW | PTE_AD;

/** Protection key 1 in the upper half of an entry: the pages that are only executed. */
const HIGH_KEY = 1 << 27;
/** PKRU that keeps data accesses from them. */
export const EXECUTE_ONLY = 1 << 2;

/** What a leaf entry is. */
export interface Leaf {
  readonly gfn: number;
  readonly canWrite: boolean;
  readonly canFetch: boolean;
}

export class ShadowEntries {
  readonly #machine: MachineMemory;
  readonly #view: DataView;
  /** Leaf entries (HPA) by the frame of the guest that they map, and the other way round. */
  readonly #leaves = new ReverseMap();
  readonly #mapped = new Map<number, number>();
  /** Pages that links lead to, by place. */
  readonly #links = new Map<number, ShadowPage>();
  #stale = NOWHERE;

  constructor(machine: MachineMemory) {
    this.#machine = machine;
    this.#view = new DataView(machine.bytes.buffer, machine.bytes.byteOffset, machine.size);
  }

  /**
   * Once after entries lost something, where the processor must forget translations: the number of a page, ANYWHERE or
   * NOWHERE.
   */
  takeStale(): number {
    const stale = this.#stale;
    this.#stale = NOWHERE;
    return stale;
  }

  #noteStale(page: number): void {
    this.#stale = this.#stale === NOWHERE || this.#stale === page ? page : ANYWHERE;
  }

  /** Empties the frame of a new page. */
  clear({ frame }: ShadowPage): void {
    this.#machine.fill(frame * PAGE_SIZE, PAGE_SIZE, 0);
  }

  /** The leaf at `place`, if there is one. */
  leaf(place: number): Leaf | undefined {
    const gfn = this.#mapped.get(place);
    if (gfn === undefined) return undefined;
    const canWrite = (this.#view.getUint32(place, true) & PTE_RW) !== 0;
    return { gfn, canWrite, canFetch: this.#view.getUint32(place + 4, true) < HIGH_XD };
  }

  /** The shadow page that the link at `place` leads to. */
  child(place: number): ShadowPage | undefined {
    return this.#links.get(place);
  }

  /** `page` has an entry besides the one at `place`. */
  hasOther(page: ShadowPage, place: number): boolean {
    for (let n = 0; n < ENTRIES; n++) {
      const at = entryPlace(page, n);
      if (at !== place && (this.#view.getUint32(at, true) & PTE_P) !== 0) return true;
    }
    return false;
  }

  /** Maps frame `gfn` of the guest, which lies in the machine's `frame`. */
  setLeaf(place: number, leaf: Leaf, frame: number): void {
    this.#setLeaf(place, leaf, frame, 0);
  }

  /** Maps the machine's `frame` in the place of frame `gfn` of the guest, for execution only. */
  setExecuteOnly(place: number, gfn: number, frame: number): void {
    this.#setLeaf(place, { gfn, canWrite: false, canFetch: true }, frame, HIGH_KEY);
  }

  #setLeaf(place: number, { gfn, canWrite, canFetch }: Leaf, frame: number, key: number): void {
    const low = ((frame << 12) | USER | (canWrite ? PTE_RW : 0)) >>> 0;
    const high = (frame >>> 20) + key + (canFetch ? 0 : HIGH_XD);
    const old = this.leaf(place);
    if (old?.gfn !== gfn) {
      this.drop(place);
      this.#leaves.add(gfn, place);
      this.#mapped.set(place, gfn);
    } else if ((old.canWrite && !canWrite) || (old.canFetch && !canFetch)) {
      this.#noteStale(ANYWHERE);
    }
    this.#set(place, low, high);
  }

  /** Makes the entry at `place` lead to `child`, whose first entry is for page `base` then (ShadowPage). */
  setLink(place: number, child: ShadowPage, base: number): void {
    this.drop(place);
    this.#putAt(child, base);
    this.#set(place, ((child.frame << 12) | USER | PTE_RW) >>> 0, child.frame >>> 20);
    this.#links.set(place, child);
    child.parents.add(place);
  }

  /** Makes the entry at `place` lead to the table in `frame`, for supervisors only: the VMM's. */
  setSupervisor(place: number, frame: number): void {
    this.drop(place);
    this.#set(place, ((frame << 12) | SUPERVISOR) >>> 0, frame >>> 20);
  }

  /** Takes the entry at `place` away; `page` (GuestWalk) is the only one that the processor can have through it. */
  drop(place: number, page = ANYWHERE): void {
    if ((this.#view.getUint32(place, true) & PTE_P) === 0) return;
    this.#set(place, 0, 0);
    this.#noteStale(page);
    this.#links.get(place)?.parents.delete(place);
    this.#links.delete(place);
    const gfn = this.#mapped.get(place);
    if (gfn === undefined) return;
    this.#mapped.delete(place);
    this.#leaves.delete(gfn, place);
  }

  /** Takes all entries of `page` away, and those that lead to it. */
  dropPage(page: ShadowPage): void {
    for (let n = 0; n < ENTRIES; n++) this.drop(entryPlace(page, n));
    for (const place of page.parents) this.drop(place);
  }

  /** Takes the right to write to frame `gfn` away wherever it is mapped. */
  protect(gfn: number): void {
    this.#leaves.forEach(gfn, (place) => {
      const low = this.#view.getUint32(place, true);
      if ((low & PTE_RW) === 0) return;
      this.#machine.writeU32(place, (low & ~PTE_RW) >>> 0);
      this.#noteStale(ANYWHERE);
    });
  }

  /** Takes frame `gfn` away wherever it is mapped. */
  hide(gfn: number): void {
    this.#leaves.forEach(gfn, (place) => {
      this.drop(place);
    });
  }

  /** `child` has its first entry for page `base`, and perhaps for another one as well. */
  #putAt(child: ShadowPage, base: number): void {
    if (child.base === undefined) child.base = base;
    if (child.base === base || child.base === ANYWHERE) return;
    child.base = ANYWHERE;
    for (let n = 0; n < ENTRIES; n++) {
      const below = this.child(entryPlace(child, n));
      if (below !== undefined) this.#putAt(below, ANYWHERE);
    }
  }

  #set(place: number, low: number, high: number): void {
    this.#machine.writeU32(place, low);
    this.#machine.writeU32(place + 4, high);
  }
}
