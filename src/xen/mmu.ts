/** Updates of page tables, and what else concerns translations (xen.h). */

import { struct, u32, u64, union } from './structure.ts';

/** The command in bits 1:0 of `ptr` in an mmu_update. */
export const MMU = {
  NORMAL_PT_UPDATE: 0,
  MACHPHYS_UPDATE: 1,
  PT_UPDATE_PRESERVE_AD: 2,
  PT_UPDATE_NO_TRANSLATE: 3,
} as const;

export const MMUEXT = {
  PIN_L1_TABLE: 0,
  PIN_L2_TABLE: 1,
  PIN_L3_TABLE: 2,
  PIN_L4_TABLE: 3,
  UNPIN_TABLE: 4,
  NEW_BASEPTR: 5,
  TLB_FLUSH_LOCAL: 6,
  INVLPG_LOCAL: 7,
  TLB_FLUSH_MULTI: 8,
  INVLPG_MULTI: 9,
  TLB_FLUSH_ALL: 10,
  INVLPG_ALL: 11,
  FLUSH_CACHE: 12,
  SET_LDT: 13,
  NEW_USER_BASEPTR: 15,
  CLEAR_PAGE: 16,
  COPY_PAGE: 17,
  FLUSH_CACHE_GLOBAL: 18,
  MARK_SUPER: 19,
  UNMARK_SUPER: 20,
} as const;

/** `flags` of update_va_mapping: which translations to flush, on which processors. */
export const UVMF = {
  NONE: 0n,
  TLB_FLUSH: 1n,
  INVLPG: 2n,
  FLUSHTYPE_MASK: 3n,
  MULTI: 0n, // the rest is the address of a bitmap of processors
  LOCAL: 0n,
  ALL: 4n,
} as const;

export const MMU_UPDATE = struct('mmu_update', { ptr: u64, val: u64 });

export const MMUEXT_OP = struct('mmuext_op', {
  cmd: u32,
  arg1: union({ mfn: u64, linear_addr: u64 }),
  arg2: union({ nr_ents: u32, vcpumask: u64, src_mfn: u64 }),
});
