/**
 * Writes to CR0, CR3, CR4 and EFER in plain TypeScript: what each refuses, how the paging mode changes, when the
 * PDPTE registers are loaded (SDM 2B MOV Control Registers; SDM 3A 2.5, 4.1.2 Paging-Mode Enabling, 4.4.1,
 * 9.8.5 Initializing IA-32e Mode). Part of the oracle that asm/cpu is tested against.
 */

import {
  bits,
  CR0_CD,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMEP,
  EFER_LMA,
  EFER_LME,
  MAXPHYADDR,
  type PagingState,
  pagingMode,
} from './paging.ts';
import type { EntryReader } from './walk.ts';

export type ControlRegister = 'cr0' | 'cr3' | 'cr4' | 'efer';

/** What decides, beside the control registers, whether IA-32e mode may be entered or left. */
export interface CodeState {
  /** The L bit of CS. */
  readonly isLong: boolean;
  /** TR holds a 16-bit TSS. */
  readonly hasTss16: boolean;
}

/** Bits that a register has, on the processor at hand. */
export type ValidBits = Readonly<Record<'cr0' | 'cr4' | 'efer', bigint>>;

/** The state after `register` := `value`, or undefined for #GP(0). */
export function writeControl(
  read: EntryReader,
  state: PagingState,
  code: CodeState,
  valid: ValidBits,
  register: ControlRegister,
  value: bigint,
): PagingState | undefined {
  switch (register) {
    case 'cr0':
      return writeCr0(read, state, code, value & valid.cr0);
    case 'cr3':
      return writeCr3(read, state, value);
    case 'cr4':
      return (value & ~valid.cr4) === 0n ? writeCr4(read, state, value) : undefined;
    case 'efer':
      return (value & ~valid.efer) === 0n ? writeEfer(state, value) : undefined;
  }
}

function writeCr0(
  read: EntryReader,
  state: PagingState,
  code: CodeState,
  value: bigint,
): PagingState | undefined {
  const { cr0: before, cr4, efer } = state;
  const cr0 = value | (1n << 4n); // ET
  const paging = (cr0 & CR0_PG) !== 0n;
  const wasPaging = (before & CR0_PG) !== 0n;
  if (paging && (cr0 & CR0_PE) === 0n) return undefined;
  if ((cr0 & CR0_NW) !== 0n && (cr0 & CR0_CD) === 0n) return undefined;
  const wantsLong = (efer & EFER_LME) !== 0n;
  if (paging && !wasPaging && wantsLong) {
    if ((cr4 & CR4_PAE) === 0n || code.isLong || code.hasTss16) return undefined;
  }
  if (!paging && wasPaging) {
    const runsLong = (efer & EFER_LMA) !== 0n && code.isLong;
    if (runsLong || (cr4 & CR4_PCIDE) !== 0n) return undefined;
  }
  const lma = paging && wantsLong ? EFER_LMA : 0n;
  const next = { ...state, cr0, efer: (efer & ~EFER_LMA) | lma };
  return withPdptes(read, next, cr0 ^ before, CR0_PG | CR0_CD | CR0_NW);
}

function writeCr3(read: EntryReader, state: PagingState, value: bigint): PagingState | undefined {
  const isTagged = (state.cr4 & CR4_PCIDE) !== 0n;
  const cr3 = isTagged ? bits(value, 0n, 63n) : value;
  if (cr3 >> MAXPHYADDR !== 0n) return undefined;
  return withPdptes(read, { ...state, cr3 }, 1n, 1n);
}

function writeCr4(read: EntryReader, state: PagingState, cr4: bigint): PagingState | undefined {
  const isLong = (state.efer & EFER_LMA) !== 0n;
  if (isLong && (cr4 & CR4_PAE) === 0n) return undefined;
  const isNewlyTagged = (cr4 & ~state.cr4 & CR4_PCIDE) !== 0n;
  if (isNewlyTagged && (!isLong || bits(state.cr3, 0n, 12n) !== 0n)) return undefined;
  const loading = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP;
  return withPdptes(read, { ...state, cr4 }, cr4 ^ state.cr4, loading);
}

/** LME cannot change while paging is on; LMA cannot be written. */
function writeEfer(state: PagingState, value: bigint): PagingState | undefined {
  const changes = ((value ^ state.efer) & EFER_LME) !== 0n;
  if (changes && (state.cr0 & CR0_PG) !== 0n) return undefined;
  return { ...state, efer: (value & ~EFER_LMA) | (state.efer & EFER_LMA) };
}

/** `state` with the PDPTEs loaded, if PAE paging is in use in it and one of the bits `loading` changed. */
function withPdptes(
  read: EntryReader,
  state: PagingState,
  changed: bigint,
  loading: bigint,
): PagingState | undefined {
  if (pagingMode(state) !== 'PAE' || (changed & loading) === 0n) return state;
  const table = bits(state.cr3, 5n, 32n);
  const pdptes = [0n, 8n, 16n, 24n].map((offset) => read(table + offset, 8));
  return pdptes.some(isMalformed) ? undefined : { ...state, pdptes };
}

/** SDM 3A table 4-8: bits 2:1, 8:5 and 63:MAXPHYADDR of a present PDPTE are reserved. */
function isMalformed(pdpte: bigint): boolean {
  const reserved = bits(-1n, 1n, 3n) | bits(-1n, 5n, 9n) | bits(-1n, MAXPHYADDR, 64n);
  return (pdpte & 1n) !== 0n && (pdpte & reserved) !== 0n;
}
