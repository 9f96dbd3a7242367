/**
 * Control bits that make instructions trap in user mode, or everywhere. The machine under test has each of them in the
 * position that lets instructions through, unless a situation names it.
 */

import type { CpuView } from '../../machine/cpu-view.ts';

interface Control {
  readonly name: string;
  readonly set: (view: CpuView) => void;
}

function bit(name: string, register: string, mask: bigint, on: boolean): Control {
  const set = (view: CpuView): void => {
    const value = view.u64(register);
    view.setU64(register, on ? value | mask : value & ~mask);
  };
  return { name, set };
}

export const CONTROLS: readonly Control[] = [
  bit('CR4.UMIP=1', 'CR4', 0x800n, true),
  bit('CR4.TSD=1', 'CR4', 0x4n, true),
  bit('CR4.PCE=0', 'CR4', 0x100n, false),
  bit('CR4.FSGSBASE=0', 'CR4', 0x1_0000n, false),
  bit('CR4.PKE=0', 'CR4', 0x40_0000n, false),
  bit('EFER.SCE=0', 'EFER', 0x1n, false),
  bit('SYSENTER_CS=0', 'SYSENTER_CS', 0xffffn, false),
  { name: 'CPUID_FAULT=1', set: (view) => view.setU32('MISC_FEATURES', 1) },
];
