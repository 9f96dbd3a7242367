/** The capability MSRs as a guest reads them, against known processors where the manual fixes bits (SDM 3D Appendix A). */

import { beforeEach, describe, expect, it } from 'vitest';
import { CONTROLS } from '../../src/vmx/controls.ts';
import { VMCS_FIELDS } from '../../src/vmx/fields.ts';
import { INSTRUCTION_ERRORS } from '../../src/vmx/instruction-errors.ts';
import { VmxRig } from './rig.ts';

const rig = new VmxRig();
const GP = '#13';

beforeEach(() => rig.reset());

function rdmsr(index: bigint): bigint | string {
  if (rig.run('rdmsr', { rcx: index }) === GP) return GP;
  return (rig.register('rdx') << 32n) | rig.register('rax');
}

function read(index: bigint): bigint {
  const value = rdmsr(index);
  if (typeof value === 'string') throw new Error(`MSR ${index.toString(16)}`);
  return value;
}

describe('capability MSRs', () => {
  it.each([
    [0x480n, 0x00d8_1000_0054_4c31n],
    [0x485n, 0x0004_00e0n],
    [0x486n, 0x8000_0021n],
    [0x487n, 0xffff_ffffn],
    [0x488n, 0x2000n],
    [0x48an, 0x2en],
    [0x48cn, 0x0f01_0633_4141n],
  ])('%x is %x', (index, value) => {
    expect(read(index)).toBe(value);
  });

  it.each([
    [0x481n, 0x48dn, 0x16n, 0x16n],
    [0x482n, 0x48en, 0x0401_e172n, 0x0400_6172n],
    [0x483n, 0x48fn, 0x0003_6dffn, 0x0003_6dfbn],
    [0x484n, 0x490n, 0x0000_11ffn, 0x0000_11fbn],
  ])('%x and %x require the default1 class', (plain, exact, default1, required) => {
    expect(read(plain) & 0xffff_ffffn).toBe(default1);
    expect(read(exact) & 0xffff_ffffn).toBe(required);
    expect(read(plain) >> 32n).toBe(read(exact) >> 32n);
  });

  it.each([
    ['pin', 0x48dn],
    ['primary', 0x48en],
    ['secondary', 0x48bn],
    ['exit', 0x48fn],
    ['entry', 0x490n],
  ] as const)('allow the %s controls that are offered, and those that must be 1', (kind, index) => {
    const value = read(index);
    const offered = CONTROLS.filter((control) => control.kind === kind);
    const bits = offered.reduce((mask, { bit }) => mask | (1n << BigInt(bit)), 0n);
    expect(value >> 32n).toBe(bits | (value & 0xffff_ffffn));
  });

  it('IA32_VMX_CR4_FIXED1 has what CR4 can have', () => {
    expect(read(0x489n) & 0x2020n).toBe(0x2020n);
    rig.run('mov cr4, rax', { rax: read(0x489n) });
    expect(rig.processor.view.u64('CR4')).toBe(read(0x489n));
  });

  it('cannot be written, and end with 490h', () => {
    for (let index = 0x480n; index <= 0x490n; index++) {
      expect(rig.run('wrmsr', { rcx: index, rax: 0n, rdx: 0n })).toBe(GP);
    }
    expect(rdmsr(0x491n)).toBe(GP);
    expect(rdmsr(0x47fn)).toBe(GP);
  });

  it('IA32_FEATURE_CONTROL is as firmware leaves it', () => {
    expect(read(0x3an)).toBe(5n);
    expect(rig.run('wrmsr', { rcx: 0x3an, rax: 5n, rdx: 0n })).toBe(GP);
  });

  it('are not there without VMX', () => {
    const plain = new VmxRig(new Set());
    plain.machine.restore(0);
    expect(plain.run('rdmsr', { rcx: 0x480n })).toBe(GP);
    expect(plain.run('rdmsr', { rcx: 0x3an })).toBe(GP);
    expect(plain.run('mov cr4, rax', { rax: 0x2020n })).toBe(GP);
  });
});

describe('the tables of VMX', () => {
  it('have fields in the order of their encodings, each once', () => {
    const encodings = VMCS_FIELDS.map(({ encoding }) => encoding);
    expect(encodings).toEqual([...new Set(encodings)].sort((a, b) => a - b));
    expect(new Set(VMCS_FIELDS.map(({ name }) => name)).size).toBe(encodings.length);
    expect(encodings.filter((encoding) => (encoding & 0x9001) !== 0)).toEqual([]);
  });

  it('have each control, and each instruction error, once', () => {
    expect(new Set(CONTROLS.map(({ kind, bit }) => `${kind} ${bit}`)).size).toBe(CONTROLS.length);
    expect(new Set(CONTROLS.map(({ name }) => name)).size).toBe(CONTROLS.length);
    const numbers = INSTRUCTION_ERRORS.map(({ number }) => number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });
});
