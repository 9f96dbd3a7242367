/** The two modes of operation that instructions are classified in. */

import type { CodeMode } from '../../isa/row.ts';
import { PAGING_FORMATS, type PagingFormat } from '../../machine/exec-paging.ts';

export interface X86Mode {
  readonly name: 'long64' | 'prot32';
  readonly isLong: boolean;
  readonly codeMode: CodeMode;
  readonly bits: 32 | 64;
  readonly paging: PagingFormat;
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  /** Access rights of a code segment of DPL 0. */
  readonly codeAccess: number;
}

/** PE, MP, ET, NE, WP, PG. */
const CR0 = 0x8001_0033n;
/** PCE, FSGSBASE, PKE: what they allow is allowed. */
const CR4 = 0x41_0100n;
const CR4_PSE = 0x10n;
const CR4_PAE = 0x20n;
/** SCE, LME, LMA, NXE. */
const EFER_LONG = 0xd01n;

const [LONG_PAGING, , LEGACY_PAGING] = PAGING_FORMATS;

export const LONG64: X86Mode = {
  name: 'long64',
  isLong: true,
  codeMode: 64,
  bits: 64,
  paging: LONG_PAGING,
  cr0: CR0,
  cr4: CR4 | CR4_PAE,
  efer: EFER_LONG,
  codeAccess: 0xa09b,
};

export const PROT32: X86Mode = {
  name: 'prot32',
  isLong: false,
  codeMode: 32,
  bits: 32,
  paging: LEGACY_PAGING,
  cr0: CR0,
  cr4: CR4 | CR4_PSE,
  efer: 0n,
  codeAccess: 0xc09b,
};

export const X86_MODES: readonly X86Mode[] = [LONG64, PROT32];
export const X86_MODE_NAMES = X86_MODES.map(({ name }) => name);
