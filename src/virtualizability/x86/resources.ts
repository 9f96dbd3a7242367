/**
 * The resources R of the machine, each with where it is observed and how it is varied.
 *
 * Observed are the registers that hold it. Not looked at: accessed bits of descriptors and of page tables, the TSC, RF and
 * interrupt shadows, whose changes are none of R; descriptor tables, to which a program writes nowhere else than in memory;
 * IOPL, which is 0. Varied is one of them at a time, with all that the program can see of the rest as it was.
 */

import type { CpuView, SegmentName } from '../../machine/cpu-view.ts';
import type { MemoryImage } from './memory-image.ts';
import { MOVED, SYSTEM_ALIAS } from './places.ts';
import * as sel from './selectors.ts';

/** A part of the processor's registers: constants of asm/layout.ts. */
export interface Range {
  readonly name: string;
  /** u32 that it has. */
  readonly words: number;
}

/** What a resource can be varied with. */
export interface Variable {
  readonly view: CpuView;
  readonly image: MemoryImage;
  readonly isLong: boolean;
  /** Ports answer otherwise. */
  varyPorts(): void;
  varyFlags(): void;
}

export interface Resource {
  readonly name: string;
  readonly observed: readonly Range[];
  /** Undefined for what is observed only. */
  readonly vary?: (machine: Variable) => void;
}

const u32 = (name: string): Range => ({ name, words: 1 });
const u64 = (name: string): Range => ({ name, words: 2 });

const PROGRAM_SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;
const LEAF_SIGNATURE = 1;
const LEAF_BRAND = 0x80000002;
const CPUID_ROW = 24;
/** TS, and MP. */
const CR0_VARIED = 0xan;
/** DE, MCE, OSFXSR. */
const CR4_VARIED = 0x248n;
/** Access and write disable for keys 1 to 15, which no page has. */
const PKRU_VARIED = 0xffff_fffc;
const STAR_VARIED = BigInt(sel.KERNEL_CODE_TWIN) << 32n;
const STAR_SELECTOR_MASK = 0xffff_0000_ffff_ffffn;

// biome-ignore format: one resource per block.
export const RESOURCES: readonly Resource[] = [
  { name: 'location', observed: [u64('CR3')], vary: varyLocation },
  { name: 'cr0', observed: [u64('CR0')], vary: toggle('CR0', CR0_VARIED) },
  { name: 'cr2', observed: [u64('CR2')], vary: toggle('CR2', 0x5000n) },
  { name: 'cr4', observed: [u64('CR4')], vary: toggle('CR4', CR4_VARIED) },
  { name: 'cr8', observed: [u64('CR8')], vary: toggle('CR8', 5n) },
  { name: 'debug registers', observed: [{ name: 'DR', words: 12 }], vary: varyDebug },
  { name: 'gdtr', observed: [u64('GDTR_BASE'), u32('GDTR_LIMIT')], vary: varyTable('GDTR', 0x80) },
  { name: 'idtr', observed: [u64('IDTR_BASE'), u32('IDTR_LIMIT')], vary: varyTable('IDTR', 0x800) },
  { name: 'ldtr', observed: [], vary: ({ view }) => reselect(view, 'ldtr', sel.LDT_TWIN) },
  { name: 'tr', observed: [], vary: ({ view }) => reselect(view, 'tr', sel.TSS_TWIN) },
  { name: 'segment registers', observed: [], vary: varySelectors },
  { name: 'gdt', observed: [], vary: ({ image }) => image.varyTable('gdt') },
  { name: 'ldt', observed: [], vary: ({ image }) => image.varyTable('ldt') },
  { name: 'idt', observed: [], vary: ({ image }) => image.varyTable('idt') },
  { name: 'tss', observed: [], vary: ({ image }) => image.varyTable('tss') },
  { name: 'system flags', observed: [], vary: (machine) => machine.varyFlags() },
  { name: 'msrs', observed: [
      ...['EFER', 'STAR', 'LSTAR', 'CSTAR', 'FMASK', 'KERNEL_GS_BASE', 'SYSENTER_CS', 'SYSENTER_ESP', 'SYSENTER_EIP',
        'TSC_AUX', 'PAT', 'APIC_BASE', 'MISC_ENABLE', 'MTRR_DEF_TYPE', 'TSC_DEADLINE'].map(u64),
      u32('MISC_FEATURES'), { name: 'MTRR_FIXED', words: 22 }, { name: 'MTRR_VARIABLE', words: 32 },
    ], vary: varyMsrs },
  { name: 'tsc', observed: [], vary: toggle('TSC_OFFSET', 0x123_4567_89abn) },
  { name: 'pkru', observed: [u32('PKRU')], vary: ({ view }) => view.setU32('PKRU', PKRU_VARIED) },
  { name: 'cpuid', observed: [], vary: varyCpuid },
  { name: 'random', observed: [u64('RANDOM')], vary: toggle('RANDOM', 0x5555_5555n) },
  { name: 'ports', observed: [], vary: (machine) => machine.varyPorts() },
  { name: 'activity', observed: [u32('ACTIVITY')] },
  { name: 'address monitor', observed: [u32('MONITOR_ARMED')], vary: invert('MONITOR_ARMED') },
  { name: 'nmi blocking', observed: [u32('NMI_BLOCKED')], vary: invert('NMI_BLOCKED') },
  { name: 'tlb', observed: [] },
];

function toggle(name: string, bits: bigint): (machine: Variable) => void {
  return ({ view }) => view.setU64(name, view.u64(name) ^ bits);
}

/** A word that is 0 or 1. */
function invert(name: string): (machine: Variable) => void {
  return ({ view }) => view.setU32(name, view.u32(name) ^ 1);
}

/** Page tables, the frames they lead to, and segment bases are others; logical addresses are not. */
function varyLocation({ view, image, isLong }: Variable): void {
  view.setU64('CR3', BigInt(image.use(1)));
  for (const name of isLong ? (['fs', 'gs'] as const) : PROGRAM_SEGMENTS) {
    const segment = view.segment(name);
    view.setSegment(name, { ...segment, base: segment.base + BigInt(MOVED) });
  }
}

function varyDebug({ view }: Variable): void {
  const at = view.layout('DR');
  for (let n = 0; n < 4; n++) view.data.setBigUint64(at + n * 8, BigInt(0x7770_0000 + n * 8), true);
  view.setU64('DR6', view.u64('DR6') ^ 0xfn);
}

/** The same table at another address, with another limit behind what it is used for. */
function varyTable(name: 'GDTR' | 'IDTR', limit: number): (machine: Variable) => void {
  return ({ view }) => {
    view.setU64(`${name}_BASE`, view.u64(`${name}_BASE`) + BigInt(SYSTEM_ALIAS));
    view.setU32(`${name}_LIMIT`, view.u32(`${name}_LIMIT`) + limit);
  };
}

/** Another selector for a descriptor that differs in nothing. */
function reselect(view: CpuView, name: SegmentName, selector: number): void {
  view.setSegment(name, { ...view.segment(name), selector });
}

const TWINS: ReadonlyMap<number, number> = new Map([
  [sel.KERNEL_CODE, sel.KERNEL_CODE_TWIN],
  [sel.KERNEL_DATA, sel.KERNEL_DATA_TWIN],
  [sel.USER_CODE, sel.USER_CODE_TWIN],
  [sel.USER_DATA, sel.USER_DATA_TWIN],
]);

function varySelectors({ view }: Variable): void {
  for (const name of PROGRAM_SEGMENTS) {
    const { selector } = view.segment(name);
    const twin = TWINS.get(selector & ~sel.RPL_USER);
    if (twin !== undefined) reselect(view, name, twin | (selector & sel.RPL_USER));
  }
}

function varyMsrs({ view }: Variable): void {
  view.setU64('STAR', (view.u64('STAR') & STAR_SELECTOR_MASK) | STAR_VARIED);
  for (const name of [
    'LSTAR',
    'SYSENTER_ESP',
    'SYSENTER_EIP',
    'CSTAR',
    'KERNEL_GS_BASE',
    'TSC_AUX',
  ]) {
    view.setU64(name, view.u64(name) ^ 8n);
  }
  view.setU64('FMASK', view.u64('FMASK') ^ 0xd5n);
  view.setU64('MTRR_DEF_TYPE', 6n);
  view.setU64('PAT', view.u64('PAT') ^ 2n);
}

/** Another vendor, signature and brand: not what features there are. */
function varyCpuid({ view }: Variable): void {
  const { data } = view;
  const table = view.layout('CPUID_TABLE');
  for (let n = 0; n < view.u32('CPUID_COUNT'); n++) {
    const row = table + n * CPUID_ROW;
    const leaf = data.getUint32(row, true);
    const [first, last] = leaf === 0 ? [3, 5] : leaf === LEAF_SIGNATURE ? [2, 2] : [2, 5];
    if (leaf > LEAF_SIGNATURE && (leaf < LEAF_BRAND || leaf > LEAF_BRAND + 2)) continue;
    for (let word = first; word <= last; word++) {
      const at = row + word * 4;
      data.setUint32(at, data.getUint32(at, true) ^ 0x10, true);
    }
  }
}
