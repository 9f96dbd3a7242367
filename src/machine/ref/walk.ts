/**
 * The page walk in plain TypeScript, slow and obvious: the oracle that asm/mmu is tested against, written
 * from SDM 3A chapter 4 and independent of it. 32-bit paging (4.3), PAE paging (4.4), 4-level paging (4.5).
 * No TLB, no paging-structure caches, no memory types.
 */

import {
  bits,
  CR4_PSE,
  EFER_NXE,
  MAXPHYADDR,
  type PagingMode,
  type PagingState,
  pagingMode,
} from './paging.ts';

const PTE_P = 1n << 0n; // present
const PTE_RW = 1n << 1n; // writable
const PTE_US = 1n << 2n; // user
const PTE_PS = 1n << 7n; // large page
const PTE_G = 1n << 8n; // global
const PTE_XD = 1n << 63n; // execute disable

export const PF_RSVD = 8; // bit of the error code: reserved bit set

/** Reads the `size` bytes at HPA `hpa`, which is aligned. */
export type EntryReader = (hpa: bigint, size: 4 | 8) => bigint;

/** A paging-structure entry that the walk used. */
export interface UsedEntry {
  readonly hpa: bigint;
  readonly size: 4 | 8;
  readonly value: bigint;
}

/** What the paging structures say about a page, before any access is considered. */
export interface Mapping {
  /** HPA of the linear address that was walked. */
  readonly hpa: bigint;
  /** log2 of the page size: 12, 21, 22 or 30. */
  readonly shift: number;
  readonly writable: boolean;
  readonly user: boolean;
  readonly executable: boolean;
  readonly global: boolean;
  /** Protection key. */
  readonly key: number;
  /** In memory, from the one that CR3 or a PDPTE register leads to down to the page's. */
  readonly entries: readonly UsedEntry[];
}

/** Bits of the error code that the paging structures decide. */
export interface WalkFault {
  readonly fault: typeof PF_RSVD | 0;
}

/** Reads the paging structures for `gva` (SDM 3A figures 4-2 to 4-10). */
export function walk(read: EntryReader, state: PagingState, gva: bigint): Mapping | WalkFault {
  const mode = pagingMode(state);
  if (mode === 'none') return unpaged(gva);
  const size = mode === '32-bit' ? 4 : 8;
  const entries: UsedEntry[] = [];
  let table = firstTable(mode, state, gva);
  if (table === undefined) return { fault: 0 };
  for (const shift of SHIFTS[mode]) {
    const index = (gva >> BigInt(shift)) & (mode === '32-bit' ? 0x3ffn : 0x1ffn);
    const hpa = table + index * BigInt(size);
    const value = read(hpa, size);
    if ((value & PTE_P) === 0n) return { fault: 0 };
    const isLeaf = shift === 12 || isLarge(mode, state, shift, value);
    if ((value & reservedBits(mode, state, shift, isLeaf)) !== 0n) return { fault: PF_RSVD };
    entries.push({ hpa, size, value });
    if (isLeaf) return mapping(entries, pageOf(mode, shift, value), shift, gva);
    table = mode === '32-bit' ? bits(value, 12n, 32n) : bits(value, 12n, MAXPHYADDR);
  }
  throw new Error('a PTE is a leaf');
}

/** Lowest bit of the linear address that each structure's index takes, top structure first. */
const SHIFTS: Readonly<Record<Exclude<PagingMode, 'none'>, readonly number[]>> = {
  '32-bit': [22, 12],
  PAE: [21, 12],
  '4-level': [39, 30, 21, 12],
};

const unpaged = (gva: bigint): Mapping => ({
  hpa: gva,
  shift: 12,
  writable: true,
  user: true,
  executable: true,
  global: false,
  key: 0,
  entries: [],
});

/** HPA of the first structure in memory; undefined if the PDPTE register of the address is not present. */
function firstTable(mode: PagingMode, state: PagingState, gva: bigint): bigint | undefined {
  if (mode === '32-bit') return bits(state.cr3, 12n, 32n);
  if (mode === '4-level') return bits(state.cr3, 12n, MAXPHYADDR);
  const pdpte = state.pdptes[Number(gva >> 30n)] ?? 0n;
  return (pdpte & PTE_P) === 0n ? undefined : bits(pdpte, 12n, MAXPHYADDR);
}

/** An entry above the last level maps a page. */
function isLarge(mode: PagingMode, { cr4 }: PagingState, shift: number, value: bigint): boolean {
  if ((value & PTE_PS) === 0n || shift === 39) return false;
  return mode !== '32-bit' || (cr4 & CR4_PSE) !== 0n;
}

/** Bits that must be 0 (SDM 3A tables 4-4 to 4-6, 4-9 to 4-11, 4-15 to 4-20). */
function reservedBits(
  mode: PagingMode,
  { efer }: PagingState,
  shift: number,
  isLeaf: boolean,
): bigint {
  if (mode === '32-bit') return isLeaf && shift === 22 ? 1n << 21n : 0n;
  let reserved = bits(-1n, MAXPHYADDR, mode === 'PAE' ? 63n : 52n);
  if ((efer & EFER_NXE) === 0n) reserved |= PTE_XD;
  if (shift === 39) reserved |= PTE_PS;
  if (isLeaf && shift > 12) reserved |= bits(-1n, 13n, BigInt(shift)); // bit 12 is PAT
  return reserved;
}

/** HPA of the page that a leaf maps. */
function pageOf(mode: PagingMode, shift: number, leaf: bigint): bigint {
  if (mode !== '32-bit') return bits(leaf, BigInt(shift), MAXPHYADDR);
  if (shift === 12) return bits(leaf, 12n, 32n);
  return bits(leaf, 22n, 32n) | (bits(leaf, 13n, 21n) << 19n); // PSE-36: bits 20:13 are address bits 39:32
}

function mapping(entries: readonly UsedEntry[], page: bigint, shift: number, gva: bigint): Mapping {
  const all = (bit: bigint): boolean => entries.every(({ value }) => (value & bit) !== 0n);
  const leaf = entries.at(-1)?.value ?? 0n;
  return {
    hpa: page | (gva & ((1n << BigInt(shift)) - 1n)),
    shift,
    writable: all(PTE_RW),
    user: all(PTE_US),
    executable: entries.every(({ value }) => (value & PTE_XD) === 0n),
    global: (leaf & PTE_G) !== 0n,
    key: Number((leaf >> 59n) & 15n),
    entries,
  };
}
