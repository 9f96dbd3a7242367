/** CPUID as the hypervisor answers it, the ways to it, and RDTSC. */

import { describe, expect, test } from 'vitest';
import { cpuidTable, DEFAULT_FEATURES } from '../../../../src/machine/features.ts';
import { pvCpuid } from '../../../../src/vmm/para/privileged/pv-cpuid.ts';
import { CODE, REFUSED, RESUME, StoppedGuest, stateOf, TF } from './rig.ts';

const ALL = new Set([...DEFAULT_FEATURES, 'umip', 'cpuid_fault']);
const options = { features: ALL, version: 0x4_0011, machineFrames: 0x2_0000 };
const cpuid = pvCpuid(options);
const native = (leaf: number): readonly number[] =>
  cpuidTable(ALL)
    .find(([one]) => one === leaf)!
    .slice(2);
const NOTHING = [0, 0, 0, 0];

/** Numbers of the bits that are set. */
const bits = (value: number): number[] =>
  [...Array(32).keys()].filter((bit) => ((value >>> bit) & 1) !== 0);

describe('the processor’s leaves', () => {
  test('the vendor, and the last leaf', () => {
    expect(cpuid(0, 0)).toEqual([7, ...native(0).slice(1)]);
    expect(cpuid(0x8000_0000, 0)).toEqual([0x8000_0008, 0, 0, 0]);
  });

  test('features: no VME, PSE, MTRR, PGE, PSE-36; an APIC', () => {
    const [eax, ebx, , edx] = cpuid(1, 0);
    expect(eax).toBe(native(1)[0]);
    expect(ebx).toBe(0x10800);
    expect(bits(edx)).toEqual([2, 4, 5, 6, 7, 8, 9, 11, 14, 15, 16, 19]);
  });

  test('a hypervisor is there; no MONITOR, VMX, PCID, TSC deadline, XSAVE, AVX', () => {
    const [, , ecx] = cpuid(1, 0);
    expect(ecx).toBeGreaterThan(0);
    expect(bits(ecx)).toEqual([13, 20, 22, 23, 30, 31]);
  });

  test('no SMEP, INVPCID, SMAP, UMIP, PKU', () => {
    const [eax, ebx, ecx, edx] = cpuid(7, 0);
    expect(bits(ebx)).toEqual([0, 3, 8, 18, 19, 23]);
    expect([eax, ecx, edx]).toEqual([0, 0, 0]);
    expect(cpuid(7, 1)).toEqual(NOTHING);
  });

  test('extended features: no pages of 1 GiB', () => {
    const [eax, ebx, ecx, edx] = cpuid(0x8000_0001, 0);
    expect([eax, ebx]).toEqual([0, 0]);
    expect(bits(ecx)).toEqual([0, 5, 8]);
    expect(bits(edx)).toEqual([11, 20, 27, 29]);
  });

  test('what a machine has not, a guest has not', () => {
    const few = pvCpuid({ ...options, features: new Set() });
    expect(bits(few(1, 0)[2])).toEqual([31]);
    expect(few(7, 0)).toEqual(NOTHING);
  });

  test('brand, caches and sizes are the processor’s', () => {
    for (const leaf of [2, 0x8000_0002, 0x8000_0003, 0x8000_0004, 0x8000_0006]) {
      expect(cpuid(leaf, 5)).toEqual(native(leaf));
    }
    expect(cpuid(0x8000_0008, 0)).toEqual([0x3028, 0, 0, 0]);
  });

  test.each([
    5, 6, 8, 0xd, 0x15, 0x16, 0x17, 0x3fff_ffff, 0x4000_0006, 0x8000_0007, 0x8000_0009, 0xffff_ffff,
  ])('leaf %i is empty', (leaf) => {
    expect(cpuid(leaf, 0)).toEqual(NOTHING);
  });
});

describe('the hypervisor’s leaves', () => {
  test('the signature', () => {
    const [eax, ...text] = cpuid(0x4000_0000, 0);
    expect(eax).toBe(0x4000_0005);
    expect(Buffer.from(Uint32Array.from(text).buffer).toString()).toBe('XenVMMXenVMM');
  });

  test('version, hypercall pages and features', () => {
    expect(cpuid(0x4000_0001, 0)).toEqual([0x4_0011, 0, 0, 0]);
    expect(cpuid(0x4000_0002, 0)).toEqual([1, 0x4000_0000, 1, 0]);
  });

  test('time: the counter is the machine’s, of 1 GHz', () => {
    expect(cpuid(0x4000_0003, 0)).toEqual([6, 0, 1_000_000, 0]);
    expect(cpuid(0x4000_0003, 2)).toEqual([1_000_000, 0, 0, 0]);
    expect(cpuid(0x4000_0003, 3)).toEqual(NOTHING);
    expect(pvCpuid({ ...options, features: new Set() })(0x4000_0003, 0)[0]).toBe(2);
  });

  test('ticks to nanoseconds, as the time information has it', () => {
    const [low, high, multiplier, shift] = cpuid(0x4000_0003, 1);
    expect([low, high]).toEqual([0, 0]);
    const ticks = 123_456_789n;
    expect(((ticks << BigInt(shift)) * BigInt(multiplier)) >> 32n).toBe(ticks);
  });

  test('nothing for other kinds of guests; the width of machine addresses', () => {
    expect(cpuid(0x4000_0004, 0)).toEqual(NOTHING);
    expect(cpuid(0x4000_0005, 0)).toEqual([0, 29, 0, 0]);
    expect(cpuid(0x4000_0005, 1)).toEqual(NOTHING);
    expect(pvCpuid({ ...options, machineFrames: 0x2_0001 })(0x4000_0005, 0)[1]).toBe(30);
  });
});

const FORCED = 'ud2\ndb "xen"\ncpuid';

describe('CPUID behind the prefix', () => {
  test.each([true, false])('in the kernel: %s', (isKernel) => {
    const guest = new StoppedGuest(FORCED).set({ rax: 0xff_4000_0000n, rcx: -1n, rdx: -1n });
    guest.isKernel = isKernel;
    expect(guest.ud()).toEqual(RESUME);
    expect(guest.rip).toBe(CODE + 7n);
    expect(guest.get('rax')).toBe(0x4000_0005n);
    expect(guest.get('rbx')).toBe(0x566e_6558n);
    expect(guest.get('rcx')).toBe(0x6558_4d4dn);
    expect(guest.get('rdx')).toBe(0x4d4d_566en);
  });

  test('ECX is the subleaf', () => {
    const guest = new StoppedGuest(FORCED).set({ rax: 0x4000_0003n, rcx: 2n });
    expect(guest.ud()).toEqual(RESUME);
    expect(guest.get('rax')).toBe(1_000_000n);
  });

  test('bit 31 is not a sign', () => {
    const guest = new StoppedGuest(FORCED).set({ rax: 1n });
    expect(guest.ud()).toEqual(RESUME);
    expect(guest.get('rcx') >> 31n).toBe(1n);
  });

  test('TF traps', () => {
    const guest = new StoppedGuest(FORCED);
    guest.rflags |= TF;
    expect(guest.ud()).toMatchObject({ kind: 'event', event: { vector: 1 }, retired: 1 });
  });

  test('where the guest made CPUID fault, it does, behind the prefix', () => {
    const guest = new StoppedGuest(FORCED);
    guest.hasCpuidFaulting = true;
    expect(guest.ud()).toEqual(RESUME);
    guest.rip = CODE;
    guest.isKernel = false;
    expect(guest.ud()).toEqual({ kind: 'event', event: { vector: 13, error: 0 }, retired: 0 });
    expect(guest.rip).toBe(CODE + 5n);
  });

  test.each([
    'ud2',
    'ud2\ndb "xem"\ncpuid',
    'ud2\ndb "xen"\nrdtsc',
    'ud2\ndb "xen"\no16 cpuid',
    'db 0x0f, 0xff, "xen"',
  ])('%s is the guest’s', (text) => {
    const guest = new StoppedGuest(text);
    const before = stateOf(guest);
    expect(guest.ud()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
  });

  test.each([2, 3, 5, 6])('a page that ends behind %i bytes', (bytes) => {
    const guest = new StoppedGuest(FORCED).atPageEnd(bytes);
    const event = { vector: 14, error: 0, address: CODE + 4096n };
    expect(guest.ud()).toEqual({ kind: 'event', event, retired: 0 });
  });

  test('UD2 at the end of a page', () => {
    const guest = new StoppedGuest('nop\nud2').atPageEnd(3);
    guest.rip++;
    guest.map(CODE + 4096n);
    expect(guest.ud()).toEqual(REFUSED);
  });

  test('other code at the end of a page', () => {
    expect(new StoppedGuest('db 0x0f, 0xff').atPageEnd(2).ud()).toEqual(REFUSED);
  });
});

describe('where it traps', () => {
  test('CPUID', () => {
    const guest = new StoppedGuest('cpuid').set({ rax: 0x4000_0001n });
    guest.isKernel = false;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.get('rax')).toBe(0x4_0011n);
    guest.hasCpuidFaulting = true;
    guest.rip = CODE;
    expect(guest.gp()).toEqual(REFUSED);
    guest.isKernel = true;
    expect(guest.gp()).toEqual(RESUME);
  });

  test.each(['rdtsc', 'rdtscp'])('%s', (text) => {
    const guest = new StoppedGuest(text).set({ rax: -1n, rdx: -1n, rcx: -1n });
    expect(guest.gp()).toEqual(RESUME);
    expect([guest.get('rdx'), guest.get('rax')]).toEqual([1n, 0x2345_6789n]);
    expect(guest.get('rcx')).toBe(text === 'rdtsc' ? 0xffff_ffff_ffff_ffffn : 7n);
  });

  test.each(['rdtsc', 'rdtscp'])('%s in user code, as CR4.TSD says', (text) => {
    const guest = new StoppedGuest(text);
    guest.isKernel = false;
    expect(guest.gp()).toEqual(RESUME);
    guest.rip = CODE;
    guest.cr4 |= 4n;
    const before = stateOf(guest);
    expect(guest.gp()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
    guest.isKernel = true;
    expect(guest.gp()).toEqual(RESUME);
  });
});
