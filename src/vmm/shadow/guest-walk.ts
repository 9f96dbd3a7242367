/**
 * The VMM's walk of a guest's page tables (SDM 3A 4.3 to 4.5), which remembers the tables on its way. Entries
 * are read as two u32, since bigints are slow. A page is named by its number, GVA >> 12 without the bits that
 * only repeat bit 47: 36 bits, a number.
 */

import type { GuestMemory } from '../guest-memory.ts';
import type { GuestPaging, GuestPagingMode } from './guest-paging.ts';
import { indexOf, SPANS } from './shadow-page.ts';

/** Rights that a walk gathers; the first two are ANDed, the last is ORed. */
export const RIGHT_WRITE = 1;
export const RIGHT_USER = 2;
export const RIGHT_NO_EXECUTE = 4;

const PTE_P = 1 << 0;
const PTE_RW = 1 << 1;
const PTE_US = 1 << 2;
export const PTE_A = 1 << 5;
export const PTE_D = 1 << 6;
const PTE_PS = 1 << 7;
const HIGH_XD = 2 ** 31;
/**
 * Bits of the upper half that name the frame: 40 physical bits. Of the rest up to bit 51 none may be set, in PAE paging
 * up to bit 62.
 */
const HIGH_FRAME = 0xff;
const HIGH_RESERVED = 0xf_ff00;
const HIGH_RESERVED_PAE = 0x7fff_ff00;

const PAGE_NUMBER_BITS = 36;

/** The number of the page at `gva`. */
export function pageNumber(gva: bigint): number {
  return Number(BigInt.asUintN(PAGE_NUMBER_BITS, gva >> 12n));
}
/** The same by the halves of the GVA. */
export function pageAt(low: number, high: number): number {
  return (high & 0xffff) * 2 ** 20 + (low >>> 12);
}

/** The halves of an entry, each from 0 up. */
interface EntryBits {
  readonly low: number;
  readonly high: number;
}

/** One table that the walk read an entry of. */
export interface Step {
  /** Frame of the guest that the entry lies in, and its offset there. */
  gfn: number;
  offset: number;
  low: number;
  high: number;
  /** Rights up to and with this entry. */
  rights: number;
}

/** Reads page tables of one VM. The result of a walk stays until the next. */
export class GuestWalk {
  /** What was read at each level, 4 to 1; those above `top` and below `leaf` are stale. */
  readonly steps: readonly Step[] = Array.from({ length: 5 }, () => ({
    gfn: 0,
    offset: 0,
    low: 0,
    high: 0,
    rights: 0,
  }));
  /** Level of the first entry read: 4 PML4E, 3 PDPTE, 2 PDE. */
  top = 0;
  /** Level of the last entry read. */
  last = 0;
  /** Level of the entry that maps the page. */
  leaf = 0;
  /** Frame of the guest that the page is. */
  gfn = 0;
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** Follows `page` in the tables; false if an entry is not present or not valid. `pdptes` are for PAE. */
  walk(page: number, paging: GuestPaging, pdptes: readonly number[]): boolean {
    if (paging.mode === '4-level') return this.#walkWide(page, paging.root, 4, paging);
    if (paging.mode === '32-bit') return this.#walkNarrow(page, paging);
    const entry = pdptes[page >>> 18] ?? 0;
    this.last = 3;
    if (entry % 2 === 0) return false;
    return this.#walkWide(page, entry - (entry % 4096), 2, paging);
  }

  /** Rights of the page. */
  get rights(): number {
    return this.steps[this.leaf]?.rights ?? 0;
  }

  /** First page that the entry which maps `page` maps no more. */
  end(page: number): number {
    const pages = SPANS[this.leaf] ?? 1;
    return page - (page % pages) + pages;
  }

  /** The dirty flag of the page is set. */
  get isDirty(): boolean {
    return ((this.steps[this.leaf]?.low ?? 0) & PTE_D) !== 0;
  }

  /** The accessed flags are set all the way. */
  get isAccessed(): boolean {
    for (let level = this.top; level >= this.leaf; level--) {
      if ((this.#step(level).low & PTE_A) === 0) return false;
    }
    return true;
  }

  /** Sets the accessed flags on the way, and the dirty flag for a write. */
  setFlags(isWrite: boolean): void {
    for (let level = this.top; level >= this.leaf; level--) {
      const step = this.#step(level);
      const bits = level === this.leaf && isWrite ? PTE_A | PTE_D : PTE_A;
      if ((step.low & bits) === bits) continue;
      step.low |= bits;
      this.#memory.setBits(step.gfn * 4096 + step.offset, bits);
    }
  }

  /** Tables of 8-byte entries from `table` at `top` on. */
  #walkWide(page: number, table: number, top: number, { mode, nxe }: GuestPaging): boolean {
    let at = table;
    let rights = RIGHT_WRITE | RIGHT_USER;
    this.top = top;
    for (let level = top; level > 0; level--) {
      const step = this.#step(level);
      const index = indexOf(page, level);
      this.last = level;
      step.gfn = Math.floor(at / 4096);
      step.offset = index * 8;
      step.low = this.#memory.readU32(at + step.offset);
      step.high = this.#memory.readU32(at + step.offset + 4);
      if ((step.low & PTE_P) === 0) return false;
      const isLeaf = level === 1 || (level < 4 && (step.low & PTE_PS) !== 0);
      if (!isValid(step, level, isLeaf, mode, nxe)) return false;
      rights = gather(rights, step);
      step.rights = rights;
      const next = frameOf(step);
      if (isLeaf) {
        const pages = SPANS[level] ?? 1;
        this.leaf = level;
        this.gfn = next - (next % pages) + (page % pages);
        return true;
      }
      at = next * 4096;
    }
    return false;
  }

  /** A page directory and tables of 4-byte entries. */
  #walkNarrow(page: number, { root, pse }: GuestPaging): boolean {
    this.top = 2;
    const directory = this.#read32(2, root, Math.floor(page / 1024) % 1024);
    if ((directory.low & PTE_P) === 0) return false;
    directory.rights = gather(RIGHT_WRITE | RIGHT_USER, directory);
    if (pse && (directory.low & PTE_PS) !== 0) {
      if ((directory.low & (1 << 21)) !== 0) return false;
      // PSE-36: bits 20:13 are bits 39:32 of the frame.
      const frame = ((directory.low >>> 13) & 0xff) * 2 ** 20 + ((directory.low >>> 22) << 10);
      this.leaf = 2;
      this.gfn = frame + (page % 1024);
      return true;
    }
    const table = this.#read32(1, (directory.low >>> 12) * 4096, page % 1024);
    if ((table.low & PTE_P) === 0) return false;
    table.rights = gather(directory.rights, table);
    this.leaf = 1;
    this.gfn = table.low >>> 12;
    return true;
  }

  #read32(level: number, table: number, index: number): Step {
    const step = this.#step(level);
    this.last = level;
    step.gfn = Math.floor(table / 4096);
    step.offset = index * 4;
    step.low = this.#memory.readU32(table + step.offset);
    step.high = 0;
    return step;
  }

  #step(level: number): Step {
    return this.steps[level] as Step;
  }
}

/** The frame that a page table's entry maps, and the rights with those of the way to it; undefined: none. */
export function pageOf(
  entry: EntryBits,
  mode: GuestPagingMode,
  nxe: boolean,
  way: number,
): { readonly gfn: number; readonly rights: number } | undefined {
  if ((entry.low & PTE_P) === 0) return undefined;
  if (mode !== '32-bit' && !isValid(entry, 1, true, mode, nxe)) return undefined;
  return { gfn: frameOf(entry), rights: gather(way, entry) };
}

function frameOf({ low, high }: EntryBits): number {
  return (high & HIGH_FRAME) * 2 ** 20 + (low >>> 12);
}

function gather(rights: number, { low, high }: EntryBits): number {
  let all = rights;
  if ((low & PTE_RW) === 0) all &= ~RIGHT_WRITE;
  if ((low & PTE_US) === 0) all &= ~RIGHT_USER;
  return high >= HIGH_XD ? all | RIGHT_NO_EXECUTE : all;
}

/** No reserved bit is set (SDM 3A tables 4-9 to 4-11 and 4-15 to 4-20). */
function isValid(
  { low, high }: EntryBits,
  level: number,
  isLeaf: boolean,
  mode: GuestPagingMode,
  nxe: boolean,
): boolean {
  const reserved = mode === 'pae' ? HIGH_RESERVED_PAE : HIGH_RESERVED;
  if ((high & reserved) !== 0 || (!nxe && high >= HIGH_XD)) return false;
  if (level === 4) return (low & PTE_PS) === 0;
  const below = level === 3 ? 0x3fff_e000 : level === 2 ? 0x1f_e000 : 0;
  return !isLeaf || (low & below) === 0;
}
