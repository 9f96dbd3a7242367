/** RDMSR and WRMSR in the guest's kernel. */

import { describe, expect, test } from 'vitest';
import { DEFAULT_FEATURES } from '../../../../src/machine/features.ts';
import { REFUSED, RESUME, StoppedGuest, stateOf } from './rig.ts';

const HIGH = 0xdead_beef_0000_0000n;

function reading(msr: number, features = DEFAULT_FEATURES): StoppedGuest {
  const guest = new StoppedGuest('rdmsr', 64, features);
  return guest.set({ rcx: HIGH | BigInt(msr), rax: -1n, rdx: -1n });
}

function writing(msr: number, value: bigint, features = DEFAULT_FEATURES): StoppedGuest {
  const guest = new StoppedGuest('wrmsr', 64, features);
  const [rax, rdx] = [HIGH | (value & 0xffff_ffffn), HIGH | (value >> 32n)];
  return guest.set({ rcx: HIGH | BigInt(msr), rax, rdx });
}

const FAULTING = new Set([...DEFAULT_FEATURES, 'cpuid_fault']);
const NONE: ReadonlySet<string> = new Set();

describe('RDMSR', () => {
  test.each([
    ['time stamp counter', 0x10, 0x1_2345_6789n],
    ['platform id', 0x17, 0x5_0000_0000n],
    ['APIC base', 0x1b, 0xfee0_0900n],
    ['microcode', 0x8b, 0x1d_0000_0000n],
    ['platform info', 0xce, 0n],
    ['misc features', 0x140, 0n],
    ['MCG_CAP', 0x179, 0n],
    ['MCG_STATUS', 0x17a, 0n],
    ['performance state', 0x198, 0n],
    ['performance control', 0x199, 0n],
    ['misc enable', 0x1a0, 0x80_1809n],
    ['PAT', 0x277, 0x5_0100_0704_06n],
    ['performance capabilities', 0x345, 0n],
    ['first counter', 0xc1, 0n],
    ['last event select', 0x189, 0n],
    ['fixed counter', 0x309, 0n],
    ['global overflow control', 0x390, 0n],
    ['hypercall page', 0x4000_0000, 0n],
    ['EFER, without SVME', 0xc000_0080, 0xd01n],
    ['FS base', 0xc000_0100, 0x1000n],
    ['GS base', 0xc000_0101, 0x2000n],
    ['user GS base', 0xc000_0102, 0x3000n],
    ['TSC_AUX', 0xc000_0103, 7n],
  ])('%s', (_, msr, value) => {
    const guest = reading(msr);
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.get('rax')).toBe(value & 0xffff_ffffn);
    expect(guest.get('rdx')).toBe(value >> 32n);
  });

  test('CPUID faulting', () => {
    const info = reading(0xce, FAULTING);
    expect(info.gp()).toEqual(RESUME);
    expect(info.get('rax')).toBe(1n << 31n);
    const enables = reading(0x140, FAULTING);
    enables.hasCpuidFaulting = true;
    expect(enables.gp()).toEqual(RESUME);
    expect(enables.get('rax')).toBe(1n);
  });

  test.each([
    ['LSTAR', 0xc000_0082],
    ['SYSENTER_CS', 0x174],
    ['MTRR capabilities', 0xfe],
    ['the counter behind the last', 0xc9],
    ['a register of the hypervisor', 0x4000_0001],
    ['none', 0x1234_5678],
  ])('%s is not there', (_, msr) => {
    const guest = reading(msr);
    const before = stateOf(guest);
    expect(guest.gp()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
  });

  test('TSC_AUX comes with RDTSCP', () => {
    expect(reading(0xc000_0103, NONE).gp()).toEqual(REFUSED);
  });

  test('MISC_ENABLE comes with the processor’s', () => {
    const guest = reading(0x1a0);
    Object.assign(guest, { native: { cr0: 0n, cr4: 0n, msr: () => undefined } });
    expect(guest.gp()).toEqual(REFUSED);
  });

  describe('before the guest handles #GP', () => {
    test('what the processor has reads as 0', () => {
      const guest = reading(0xfe);
      guest.traps.clear();
      expect(guest.gp()).toEqual(RESUME);
      expect(guest.get('rax')).toBe(0n);
      expect(guest.get('rdx')).toBe(0n);
    });

    test.each([0x1234_5678, 0x4000_0001])('but %i is nowhere', (msr) => {
      const guest = reading(msr);
      guest.traps.clear();
      expect(guest.gp()).toEqual(REFUSED);
    });
  });
});

describe('WRMSR', () => {
  test('bases', () => {
    const base = 0xffff_8880_1234_5000n;
    for (const [msr, name] of [
      [0xc000_0100, 'fsBase'],
      [0xc000_0101, 'gsBase'],
      [0xc000_0102, 'gsBaseUser'],
    ] as const) {
      const guest = writing(msr, base);
      expect(guest.gp()).toEqual(RESUME);
      expect(guest[name]).toBe(base);
    }
  });

  test('TSC_AUX', () => {
    const guest = writing(0xc000_0103, 0xffff_ffffn);
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.tscAux).toBe(0xffff_ffffn);
  });

  test('a hypercall page', () => {
    const guest = writing(0x4000_0000, 0x1_2345_000n);
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.hypercallPages).toEqual([0x1_2345n]);
  });

  test('CPUID faulting', () => {
    const guest = writing(0x140, 1n, FAULTING);
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.hasCpuidFaulting).toBe(true);
    const off = writing(0x140, 0n);
    off.hasCpuidFaulting = true;
    expect(off.gp()).toEqual(RESUME);
    expect(off.hasCpuidFaulting).toBe(false);
  });

  test.each([
    ['EFER, the same value', 0xc000_0080, 0xd01n],
    ['microcode, before it is read', 0x8b, 0n],
    ['MPERF', 0xe7, 5n],
    ['APERF', 0xe8, 5n],
    ['MCG_STATUS, cleared', 0x17a, 0n],
    ['performance control', 0x199, 5n],
    ['clock modulation', 0x19a, 5n],
    ['misc enable', 0x1a0, -1n & 0xffff_ffffn],
    ['energy bias', 0x1b0, 6n],
    ['a counter', 0xc2, 5n],
  ])('%s: nothing happens', (_, msr, value) => {
    const guest = writing(msr, value);
    const { rip, rflags, ...before } = stateOf(guest) as Record<string, unknown>;
    expect(guest.gp()).toEqual(RESUME);
    expect(stateOf(guest)).toMatchObject(before);
    expect([rip, rflags]).not.toEqual([guest.rip, guest.rflags]);
  });

  test.each([
    ['EFER, another value', 0xc000_0080, 0xd00n],
    ['a base that is no address', 0xc000_0100, 0x8000_0000_0000n],
    ['a base that is none of the upper half', 0xc000_0102, 0xffff_7fff_ffff_ffffn],
    ['TSC_AUX of more than 32 bits', 0xc000_0103, 0x1_0000_0000n],
    ['CPUID faulting that the machine has not', 0x140, 1n],
    ['microcode', 0x8b, 1n],
    ['MCG_STATUS, set', 0x17a, 1n],
    ['MCG_CAP', 0x179, 0n],
    ['platform info', 0xce, 0n],
    ['platform id', 0x17, 0n],
    ['performance state', 0x198, 0n],
    ['time stamp counter', 0x10, 0n],
    ['APIC base', 0x1b, 0xfee0_0900n],
    ['PAT', 0x277, 0x5_0100_0704_06n],
    ['LSTAR', 0xc000_0082, 0n],
    ['a second hypercall page', 0x4000_0000, 0x1001n],
    ['a register of the hypervisor', 0x4000_0001, 0n],
    ['none', 0x1234_5678, 0n],
  ])('%s: not taken', (_, msr, value) => {
    const guest = writing(msr, value);
    const before = stateOf(guest);
    expect(guest.gp()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
  });

  test('a hypercall page that is not the guest’s to write to', () => {
    const guest = writing(0x4000_0000, 0x2_0000_000n);
    expect(guest.gp()).toEqual(REFUSED);
    expect(guest.hypercallPages).toEqual([0x2_0000n]);
  });

  test('TSC_AUX without RDTSCP, bits of MISC_FEATURES beyond faulting', () => {
    expect(writing(0xc000_0103, 0n, NONE).gp()).toEqual(REFUSED);
    expect(writing(0x140, 3n, FAULTING).gp()).toEqual(REFUSED);
  });
});
