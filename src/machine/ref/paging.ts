/**
 * What a translation depends on, in plain TypeScript: the registers, and which paging mode they select
 * (SDM 3A 4.1.1 Four Paging Modes). Part of the reference that asm/mmu is tested against.
 */

/** Physical address width, CPUID.80000008H:EAX[7:0]. */
export const MAXPHYADDR = 40n;

export const CR0_PE = 1n << 0n;
export const CR0_WP = 1n << 16n;
export const CR0_NW = 1n << 29n;
export const CR0_CD = 1n << 30n;
export const CR0_PG = 1n << 31n;
export const CR4_PSE = 1n << 4n;
export const CR4_PAE = 1n << 5n;
export const CR4_PGE = 1n << 7n;
export const CR4_PCIDE = 1n << 17n;
export const CR4_SMEP = 1n << 20n;
export const CR4_SMAP = 1n << 21n;
export const CR4_PKE = 1n << 22n;
export const EFER_LME = 1n << 8n;
export const EFER_LMA = 1n << 10n;
export const EFER_NXE = 1n << 11n;
export const RFLAGS_AC = 1n << 18n;

/** The registers that a translation depends on. */
export interface PagingState {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly rflags: bigint;
  readonly pkru: number;
  readonly cpl: number;
  /** pdptes[4]: the PDPTE registers of PAE paging. */
  readonly pdptes: readonly bigint[];
}

export const PAGING_MODES = ['none', '32-bit', 'PAE', '4-level'] as const;
export type PagingMode = (typeof PAGING_MODES)[number];

/** SDM 3A table 4-1. */
export function pagingMode({ cr0, cr4, efer }: PagingState): PagingMode {
  if ((cr0 & CR0_PG) === 0n) return 'none';
  if ((cr4 & CR4_PAE) === 0n) return '32-bit';
  return (efer & EFER_LME) === 0n ? 'PAE' : '4-level';
}

/** Bits `low` to `high - 1` of `value`, in place. */
export function bits(value: bigint, low: bigint, high: bigint): bigint {
  return value & ((1n << high) - (1n << low));
}
