/** How a guest's page tables are to be read: what its virtual control registers say (SDM 3A 4.1.1). */

import type { CpuView } from '../../machine/cpu-view.ts';

export type GuestPagingMode = 'off' | '32-bit' | 'pae' | '4-level';

const CR0_WP = 1 << 16;
const CR0_PG = 1 << 31;
const CR4_PSE = 1 << 4;
const CR4_PAE = 1 << 5;
const CR4_SMEP = 1 << 20;
const CR4_SMAP = 1 << 21;
const EFER_LMA = 1 << 10;
const EFER_NXE = 1 << 11;
const RFLAGS_AC = 1 << 18;

/** Everything that the meaning of a page-table entry depends on, besides CPL. */
export interface GuestPaging {
  readonly mode: GuestPagingMode;
  /** GPA of the root: PML4, PDPT (PAE) or page directory. */
  readonly root: number;
  /** CR4.PSE: a directory entry of 32-bit paging may map 4 MiB. */
  readonly pse: boolean;
  readonly wp: boolean;
  readonly nxe: boolean;
  readonly smep: boolean;
  /** SMAP as it is now: CR4.SMAP, and EFLAGS.AC is clear. */
  readonly smap: boolean;
  /** CR4.SMAP, which implicit accesses obey whatever EFLAGS.AC is. */
  readonly implicitSmap: boolean;
}

/** As the registers of the virtual processor in `view` have it. */
export function guestPaging(view: CpuView): GuestPaging {
  const cr0 = view.u32('CR0');
  const cr4 = view.u32('CR4');
  const efer = view.u32('EFER');
  const mode = modeOf(cr0, cr4, efer);
  const isOn = mode !== 'off';
  const implicitSmap = isOn && (cr4 & CR4_SMAP) !== 0;
  return {
    mode,
    root: isOn ? Number(view.u64('CR3') & ROOT[mode]) : 0,
    pse: isOn && (cr4 & CR4_PSE) !== 0,
    wp: isOn && (cr0 & CR0_WP) !== 0,
    nxe: isOn && (efer & EFER_NXE) !== 0,
    smep: isOn && (cr4 & CR4_SMEP) !== 0,
    smap: implicitSmap && (view.u32('RFLAGS') & RFLAGS_AC) === 0,
    implicitSmap,
  };
}

/** Bits of CR3 that name the root. */
const ROOT = {
  '32-bit': 0xffff_f000n,
  pae: 0xffff_ffe0n,
  '4-level': 0xff_ffff_f000n,
} as const;

function modeOf(cr0: number, cr4: number, efer: number): GuestPagingMode {
  if ((cr0 & CR0_PG) === 0) return 'off';
  if ((cr4 & CR4_PAE) === 0) return '32-bit';
  return (efer & EFER_LMA) !== 0 ? '4-level' : 'pae';
}
