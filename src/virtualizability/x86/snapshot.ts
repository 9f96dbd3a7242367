/** The state of the machine as names and values, for people: registers of the program, and what the resources hold. */

import { type CpuView, GPR_NAMES, SEGMENT_NAMES } from '../../machine/cpu-view.ts';

/** In the order in which they are told. */
export type Snapshot = ReadonlyMap<string, bigint>;

const FLAGS: readonly (readonly [name: string, bit: number])[] = [
  ['CF', 0],
  ['PF', 2],
  ['AF', 4],
  ['ZF', 6],
  ['SF', 7],
  ['TF', 8],
  ['IF', 9],
  ['DF', 10],
  ['OF', 11],
  ['NT', 14],
  ['VM', 17],
  ['AC', 18],
  ['VIF', 19],
  ['VIP', 20],
  ['ID', 21],
];
const IOPL_SHIFT = 12n;

// biome-ignore format: as they are grouped.
const WIDE = [
  'CR0', 'CR2', 'CR3', 'CR4', 'CR8', 'EFER', 'DR6', 'DR7', 'GDTR_BASE', 'IDTR_BASE', 'STAR', 'LSTAR', 'CSTAR', 'FMASK',
  'KERNEL_GS_BASE', 'SYSENTER_CS', 'SYSENTER_ESP', 'SYSENTER_EIP', 'TSC_AUX', 'TSC_OFFSET', 'PAT', 'APIC_BASE',
  'MISC_ENABLE', 'MTRR_DEF_TYPE', 'TSC_DEADLINE', 'RANDOM',
];
const NARROW = [
  'GDTR_LIMIT',
  'IDTR_LIMIT',
  'PKRU',
  'MISC_FEATURES',
  'ACTIVITY',
  'MONITOR_ARMED',
  'NMI_BLOCKED',
];
/** Registers under other names than those of the layout. */
const NAMES: Readonly<Record<string, string>> = {
  RANDOM: 'random generator',
  ACTIVITY: 'halted',
  MONITOR_ARMED: 'address monitor armed',
  NMI_BLOCKED: 'NMIs blocked',
};

export function takeSnapshot(view: CpuView, rflags: bigint): Snapshot {
  const values = new Map<string, bigint>();
  values.set('CPL', BigInt(view.u32('CPL')));
  GPR_NAMES.forEach((name, n) => {
    values.set(name, view.gpr[n] ?? 0n);
  });
  values.set('rip', view.u64('RIP'));
  for (const [name, bit] of FLAGS) values.set(name, (rflags >> BigInt(bit)) & 1n);
  values.set('IOPL', (rflags >> IOPL_SHIFT) & 3n);
  for (const name of SEGMENT_NAMES) {
    const segment = view.segment(name);
    values.set(name, BigInt(segment.selector));
    values.set(`${name} base`, segment.base);
    values.set(`${name} limit`, BigInt(segment.limit));
    values.set(`${name} access rights`, BigInt(segment.access));
  }
  for (const name of WIDE) values.set(NAMES[name] ?? name, view.u64(name));
  for (const name of NARROW) values.set(NAMES[name] ?? name, BigInt(view.u32(name)));
  return values;
}
