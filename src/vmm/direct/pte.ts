/**
 * Entries of page tables as Xen takes them from x86-64 PV guests (Xen's public xen.h, mmu_update). An entry is two
 * numbers, its halves, since a BigInt for each of thousands would cost most of the time.
 *
 * A guest has no superpages and, without devices of its own, no cache attributes. Kernel and user code both run at
 * CPL 3: U/S is forced to 1 everywhere, and what the guest meant is kept in a bit that processors leave to software.
 */

import { HYPERVISOR_VIRT_END, HYPERVISOR_VIRT_START } from '../../xen/address-space.ts';

export const PTE_P = 1 << 0;
export const PTE_RW = 1 << 1;
export const PTE_US = 1 << 2;
const PTE_PWT = 1 << 3;
const PTE_PCD = 1 << 4;
export const PTE_A = 1 << 5;
export const PTE_D = 1 << 6;
/** PAT in an L1 entry, PS above. */
const PTE_PS = 1 << 7;
const PTE_G = 1 << 8;
const PTE_AVAILABLE = 7 << 9;

const HIGH_FRAME = 0xf_ffff;
/** In the upper half: bit 52, the guest asked for U/S = 0. */
const HIGH_GUEST_KERNEL = 1 << 20;

/** What no L1 entry, and no entry above, may have. Bits 52 to 63 are free. */
export const L1_DISALLOWED = PTE_PWT | PTE_PCD | PTE_PS;
export const LINK_DISALLOWED = L1_DISALLOWED | PTE_G;

/** What can change without a look at the frame: what is not translation, write access or caching. */
const FREE = PTE_US | PTE_A | PTE_D | PTE_G | PTE_AVAILABLE;

export const ENTRIES = 512;
export const ENTRY_BYTES = 8;

/** Bytes that an entry translates, by the level of its table. */
const SPANS = [1, 2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39] as const;

/** Xen's slots of an L4 table; the first one maps the table of machine to physical frames. */
export const FIRST_XEN_SLOT = slotOf(linearOf(HYPERVISOR_VIRT_START), 4);
export const LAST_XEN_SLOT = slotOf(linearOf(HYPERVISOR_VIRT_END - 1n), 4);

export type Level = 1 | 2 | 3 | 4;

/** The 48 bits of an address that are translated. */
export function linearOf(va: bigint): number {
  return Number(BigInt.asUintN(48, va));
}

/** Which entry of a table is about the address. The division is exact to the bit, and what is behind the point falls off. */
export function slotOf(linear: number, level: number): number {
  return (linear / (SPANS[level] ?? 1)) & (ENTRIES - 1);
}

/** The guest has a say in entry `n` of a table. */
export function isGuestSlot(level: number, n: number): boolean {
  return level !== 4 || n < FIRST_XEN_SLOT || n > LAST_XEN_SLOT;
}

export function frameOf(low: number, high: number): number {
  return (high & HIGH_FRAME) * 2 ** 20 + (low >>> 12);
}

/** Two present entries differ in bits that are free to change at most. */
export function differFreely(
  low: number,
  high: number,
  otherLow: number,
  otherHigh: number,
): boolean {
  return ((low ^ otherLow) & ~FREE) === 0 && ((high ^ otherHigh) & HIGH_FRAME) === 0;
}

/** The lower half of a present entry as it is put into a table. User pages are global: both roots have them. */
export function adjustedLow(level: number, low: number, high: number): number {
  if (level === 4) return (low | PTE_US | PTE_A) >>> 0;
  const isUser = (low & PTE_US) !== 0 && (high & HIGH_GUEST_KERNEL) === 0;
  return (low | PTE_US | (level === 1 && isUser ? PTE_G : 0)) >>> 0;
}

/** The upper half. */
export function adjustedHigh(level: number, low: number, high: number): number {
  return level === 1 && (low & PTE_US) === 0 ? (high | HIGH_GUEST_KERNEL) >>> 0 : high;
}
