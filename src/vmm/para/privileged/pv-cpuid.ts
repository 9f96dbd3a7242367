/**
 * What CPUID answers where the hypervisor answers it: the machine's leaves without what a PV guest cannot use, and the
 * hypervisor's own (arch-x86/cpuid.h). A leaf that there is not is all zeros. Features are those that Xen gives all guests
 * (arch-x86/cpufeatureset.h, `A`).
 */

import { type CpuidRow, cpuidTable } from '../../../machine/features.ts';
import {
  XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD,
  XEN_CPUID_FIRST_LEAF,
  XEN_CPUID_MAX_NUM_LEAVES,
  XEN_CPUID_SIGNATURE_EBX,
  XEN_CPUID_SIGNATURE_ECX,
  XEN_CPUID_SIGNATURE_EDX,
} from '../../../xen/cpuid.ts';
import { TSC_SHIFT, TSC_TO_SYSTEM_MUL } from '../events/domain-time.ts';

/** EAX, EBX, ECX, EDX: u32 each. */
export type CpuidAnswer = readonly [number, number, number, number];
export type PvCpuid = (leaf: number, subleaf: number) => CpuidAnswer;

/** A write of a frame's address to it makes the frame a hypercall page. */
export const HYPERCALL_PAGE_MSR = 0x4000_0000;

export interface CpuidOptions {
  /** Features of the machine (src/machine/features.ts). */
  readonly features: ReadonlySet<string>;
  /** Major version in the upper half, minor version in the lower. */
  readonly version: number;
  /** Frames that the machine has, or may come to have. */
  readonly machineFrames: number;
}

/** Features that are not for a guest whose kernel runs at CPL 3 and makes no translations. */
const HIDDEN_FEATURES: ReadonlySet<string> = new Set([
  'monitor',
  'pcid',
  'tsc_deadline_timer',
  'smep',
  'invpcid',
  'smap',
  'umip',
  'pku',
]);
/** The same in leaves 1 and 80000001H, of what every machine has: PSE, MTRR, PGE, PSE-36; pages of 1 GiB. */
const HIDDEN_EDX = (1 << 3) | (1 << 12) | (1 << 13) | (1 << 17);
const HIDDEN_EXTENDED_EDX = 1 << 26;
const ECX_HYPERVISOR = 1 << 31;

/** Brand, size and features, lines, caches, address sizes; topology, power and clocks are not shown. */
const LAST_BASIC_LEAF = 0xd;
const EXTENDED = 0x8000_0000;
const HIDDEN_LEAVES: readonly number[] = [5, 6, EXTENDED + 7];
const APIC_ID = 0xff00_0000;
const ADDRESS_SIZES = 0xffff;
/** Leaves in which ECX selects a subleaf. */
const INDEXED: readonly number[] = [4, 7, 0xb, 0xd];

const NOTHING: CpuidAnswer = [0, 0, 0, 0];

/** The time stamp counter runs at 1 GHz, as virtual time does. */
const TSC_KHZ = 1_000_000;
const TSC_IS_SAFE = 1 << 1;
const TSC_HAS_RDTSCP = 1 << 2;

const PAGE_BITS = 12;

export function pvCpuid(options: CpuidOptions): PvCpuid {
  const leaves = policy(options.features);
  return (leaf, subleaf) => {
    const place = leaf - XEN_CPUID_FIRST_LEAF;
    if (place >= 0 && place <= XEN_CPUID_MAX_NUM_LEAVES) return xenLeaf(options, place, subleaf);
    return leaves.get(keyOf(leaf, INDEXED.includes(leaf) ? subleaf : 0)) ?? NOTHING;
  };
}

function keyOf(leaf: number, subleaf: number): string {
  return `${leaf}.${subleaf}`;
}

/** The leaves of the processor that the guest sees. */
function policy(features: ReadonlySet<string>): ReadonlyMap<string, CpuidAnswer> {
  const shown = new Set([...features].filter((name) => !HIDDEN_FEATURES.has(name)));
  const rows = cpuidTable(shown).filter(([leaf]) => isShown(leaf));
  const last = (first: number): number =>
    Math.max(
      ...rows.map(([leaf]) => leaf).filter((leaf) => leaf >= EXTENDED === first >= EXTENDED),
    );
  const answers = rows.map((row) => [keyOf(row[0], row[1]), answerOf(row, last)] as const);
  return new Map(answers);
}

function isShown(leaf: number): boolean {
  return (leaf <= LAST_BASIC_LEAF || leaf >= EXTENDED) && !HIDDEN_LEAVES.includes(leaf);
}

function answerOf(row: CpuidRow, last: (first: number) => number): CpuidAnswer {
  const [leaf, , eax, ebx, ecx, edx] = row;
  switch (leaf) {
    case 0:
    case EXTENDED:
      return [last(leaf), ebx, ecx, edx];
    case 1:
      return [eax, ebx & ~APIC_ID, (ecx | ECX_HYPERVISOR) >>> 0, edx & ~HIDDEN_EDX];
    case EXTENDED + 1:
      return [eax, ebx, ecx, edx & ~HIDDEN_EXTENDED_EDX];
    case EXTENDED + 8:
      return [eax & ADDRESS_SIZES, ebx, 0, edx];
    default:
      return [eax, ebx, ecx, edx];
  }
}

function xenLeaf(options: CpuidOptions, place: number, subleaf: number): CpuidAnswer {
  switch (place) {
    case 0:
      return [
        XEN_CPUID_FIRST_LEAF + XEN_CPUID_MAX_NUM_LEAVES,
        XEN_CPUID_SIGNATURE_EBX,
        XEN_CPUID_SIGNATURE_ECX,
        XEN_CPUID_SIGNATURE_EDX,
      ];
    case 1:
      return [options.version, 0, 0, 0];
    case 2:
      return [1, HYPERCALL_PAGE_MSR, XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD, 0];
    case 3:
      return timeLeaf(options.features, subleaf);
    // 4 is for guests under VT-x.
    case 5:
      return subleaf === 0 ? [0, addressBits(options.machineFrames), 0, 0] : NOTHING;
    default:
      return NOTHING;
  }
}

/** The guest reads the counter itself: nothing is emulated, and its offset is 0. */
function timeLeaf(features: ReadonlySet<string>, subleaf: number): CpuidAnswer {
  switch (subleaf) {
    case 0:
      return [TSC_IS_SAFE | (features.has('rdtscp') ? TSC_HAS_RDTSCP : 0), 0, TSC_KHZ, 0];
    case 1:
      return [0, 0, TSC_TO_SYSTEM_MUL, TSC_SHIFT];
    case 2:
      return [TSC_KHZ, 0, 0, 0];
    default:
      return NOTHING;
  }
}

/** Width of machine addresses below `frames` frames. */
function addressBits(frames: number): number {
  return Math.max(frames - 1, 1).toString(2).length + PAGE_BITS;
}
