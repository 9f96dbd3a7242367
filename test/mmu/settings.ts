/**
 * The settings that translations are tested in: a paging mode, with the code that makes the accesses and the
 * place of its own page.
 */

import {
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  CR4_PSE,
  EFER_LMA,
  EFER_LME,
  type PagingState,
} from '../../src/machine/ref/paging.ts';

/** HPA of the top paging structure. */
export const ROOT = 0x1000n;
/** The instruction that makes the access lies in this frame. */
export const CODE_FRAME = 0x8000n;
/** Linear addresses of that frame, apart from those under test. */
const CODE64 = 0xffff_d500_0000_0000n;
const CODE32 = 0x5500_0000n;

export interface Setting {
  readonly name: string;
  /** 64-bit code makes the accesses, else 32-bit code. */
  readonly isLong: boolean;
  readonly code: bigint;
  /** Bytes of a paging-structure entry. */
  readonly size: 4 | 8;
  /** Lowest address bit of the index at each level, top level first. */
  readonly shifts: readonly number[];
  /** Levels from the top of which only entry 0 can be reached. */
  readonly fixedLevels: 0 | 1;
  /** Shifts of levels where PS makes a page. */
  readonly large: readonly number[];
  /** Control bits that select the mode. */
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly cr0: bigint;
}

const PAGING = CR0_PE | CR0_PG;
const LONG = EFER_LME | EFER_LMA;
const LEVELS4 = { size: 8, shifts: [39, 30, 21, 12], large: [30, 21], cr0: PAGING } as const;
const LEVELS2 = { size: 4, shifts: [22, 12], cr0: PAGING, efer: 0n } as const;
const CODE_LONG = { isLong: true, code: CODE64, fixedLevels: 0 } as const;
const CODE_32BIT = { isLong: false, code: CODE32, fixedLevels: 0 } as const;

export const FOUR_LEVEL: Setting = {
  name: '4-level paging',
  ...CODE_LONG,
  ...LEVELS4,
  cr4: CR4_PAE,
  efer: LONG,
};
export const COMPATIBILITY: Setting = {
  name: '4-level paging in compatibility mode',
  ...CODE_32BIT,
  ...LEVELS4,
  fixedLevels: 1,
  cr4: CR4_PAE,
  efer: LONG,
};
export const PAE: Setting = {
  name: 'PAE paging',
  ...CODE_32BIT,
  size: 8,
  shifts: [30, 21, 12],
  large: [21],
  cr0: PAGING,
  cr4: CR4_PAE,
  efer: 0n,
};
export const PSE: Setting = {
  name: '32-bit paging with PSE',
  ...CODE_32BIT,
  ...LEVELS2,
  large: [22],
  cr4: CR4_PSE,
};
export const NO_PSE: Setting = {
  name: '32-bit paging without PSE',
  ...CODE_32BIT,
  ...LEVELS2,
  large: [],
  cr4: 0n,
};
export const UNPAGED: Setting = {
  ...NO_PSE,
  name: 'no paging',
  code: CODE_FRAME,
  shifts: [],
  cr0: CR0_PE,
};

/** The registers of a setting, with the bits that are given besides. */
export function stateOf(setting: Setting, state: Partial<PagingState>): PagingState {
  return {
    cr0: setting.cr0 | (state.cr0 ?? 0n),
    cr3: state.cr3 ?? ROOT,
    cr4: setting.cr4 | (state.cr4 ?? 0n),
    efer: setting.efer | (state.efer ?? 0n),
    rflags: 2n | (state.rflags ?? 0n),
    pkru: state.pkru ?? 0,
    cpl: state.cpl ?? 0,
    pdptes: state.pdptes ?? [0n, 0n, 0n, 0n],
  };
}
