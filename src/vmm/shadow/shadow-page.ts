/**
 * A shadow page: one table of the shadow page tables, in a frame of the VMM. It stands for a table of the guest
 * (`gfn` is its frame) under one *role*: all that its entries depend on besides the table. Pages of one table and
 * one role are the same page, however many roots lead to it.
 */

import { PAGE_SIZE } from '../frames.ts';
import type { GuestPagingMode } from './guest-paging.ts';

/** Whose address space: of the kernel while the virtual CPL is 0 to 2, or of user code. */
export type ViewName = 'kernel' | 'user';

/** What a shadow page stands for. */
export type ShadowKind =
  /** A table of the guest. */
  | 'table'
  /** A stretch of guest-physical memory: part of a large page, or all of it while paging is off. */
  | 'direct'
  /** An upper level that 4-level paging has and the guest's paging lacks. */
  | 'upper';

export interface Role {
  readonly kind: ShadowKind;
  readonly mode: GuestPagingMode;
  readonly view: ViewName;
  /** 4 PML4 to 1 page table. */
  readonly level: 1 | 2 | 3 | 4;
  /**
   * Which part of a table with 1024 entries, each of which takes as much as two of ours; of a large page 1 if its dirty
   * flag is set, else 0.
   */
  readonly part: number;
  /** RIGHT_ bits of the way to it. */
  readonly rights: number;
  /** FLAG_ bits: the guest's paging where it changes what rights mean. */
  readonly flags: number;
}

export interface ShadowPage {
  readonly role: Role;
  readonly gfn: number;
  /** The machine's frame that it lies in. */
  readonly frame: number;
  /** Entries (HPA) of other shadow pages that lead to it. */
  readonly parents: Set<number>;
  /**
   * Page (GuestWalk) that its first entry is for, in all address spaces that it was ever part of; ANYWHERE: not the same
   * in all; undefined: not linked yet.
   */
  base: number | undefined;
  /** When it was last on the way of a fill; 0 while it is new, and empty. */
  used: number;
  /** Writes to the guest's table since then. */
  writes: number;
}

/** The root of an address space, as CR3 takes it. */
export interface ShadowRoot {
  readonly page: ShadowPage;
  /** Entry of the PML4 that belongs to the VMM: its structures lie in the 512 GiB of this entry. It may move. */
  slot: number;
}

/** In the place of the number of a page: any page, or none. */
export const ANYWHERE = -1;
export const NOWHERE = -2;

export const ENTRIES = 512;
export const ENTRY_BYTES = 8;

/** Pages that an entry spans, by its level. */
export const SPANS = [0, 1, 2 ** 9, 2 ** 18, 2 ** 27];

/** HPA of an entry. */
export function entryPlace({ frame }: ShadowPage, index: number): number {
  return frame * PAGE_SIZE + index * ENTRY_BYTES;
}

/** Index of `page` in a table at `level`. */
export function indexOf(page: number, level: number): number {
  return Math.floor(page / (SPANS[level] ?? 1)) & (ENTRIES - 1);
}

/** The first of the pages that a table at `level` with `page` is for. */
export function firstPage(page: number, level: number): number {
  return page - (page % (ENTRIES * (SPANS[level] ?? 1)));
}

/** The page that entry `n` of a shadow page at the last level is for, or ANYWHERE. */
export function pageOfLeaf({ base }: ShadowPage, n: number): number {
  return base === undefined || base === ANYWHERE ? ANYWHERE : base + n;
}

const KINDS: Readonly<Record<ShadowKind, number>> = { table: 0, direct: 1, upper: 2 };
const MODES: Readonly<Record<GuestPagingMode, number>> = {
  off: 0,
  '32-bit': 1,
  pae: 2,
  '4-level': 3,
};
const BITS = 2 ** 18;

/** A number of its own for every frame and role. */
export function pageKey(gfn: number, role: Role): number {
  const { kind, mode, view, level, part, rights, flags } = role;
  const low =
    KINDS[kind] |
    (MODES[mode] << 2) |
    ((view === 'user' ? 1 : 0) << 4) |
    ((level - 1) << 5) |
    (part << 7) |
    (rights << 9) |
    (flags << 12);
  return gfn * BITS + low;
}
