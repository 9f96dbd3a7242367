/** HYPERVISOR_set_debugreg and get_debugreg. */

import { beforeEach, describe, expect, test } from 'vitest';
import { DebugRegisters } from '../../../src/vmm/para/guest/debug-registers.ts';
import type { HypercallArguments } from '../../../src/vmm/para/hypercall.ts';
import { debugregCalls } from '../../../src/vmm/para/hypercalls/debugreg.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { finish, XEN } from './flat-space.ts';

let processor: Map<number, bigint>;
let hasDebugExtensions: boolean;
let registers: DebugRegisters;
const deps = {
  read: (register: number) => processor.get(register) ?? 0n,
  write: (register: number, value: bigint) => void processor.set(register, value),
  hasDebugExtensions: () => hasDebugExtensions,
};
beforeEach(() => {
  processor = new Map();
  hasDebugExtensions = false;
  registers = new DebugRegisters(deps);
});
const set = (register: number, value: bigint): number =>
  finish(debugregCalls(registers).set_debugreg, register, value).result;
const get = (register: number): bigint | number => {
  const args: HypercallArguments = [BigInt(register), 0n, 0n, 0n, 0n, 0n];
  return debugregCalls(registers).get_debugreg?.(args) as bigint | number;
};

test.each([0, 1, 2, 3])('DR%i takes addresses of guests', (register) => {
  for (const address of [0n, 2n ** 47n - 1n, 0xffff_8800_0000_0000n, 2n ** 64n - 1n]) {
    expect(set(register, address)).toBe(0);
    expect(get(register)).toBe(address);
  }
  for (const address of [XEN, 2n ** 47n, 0xffff_87ff_ffff_ffffn]) {
    expect(set(register, address)).toBe(-ERRNO.EPERM);
  }
  expect(get(register)).toBe(2n ** 64n - 1n);
});

describe('DR6', () => {
  test('has bits that are always the same', () => {
    expect(set(6, 0xffff_ffffn)).toBe(0);
    expect(processor.get(6)).toBe(0xffff_efffn);
    expect(set(6, 0n)).toBe(0);
    expect(get(6)).toBe(0xffff_0ff0n);
    expect(set(6, 2n ** 32n)).toBe(-ERRNO.EINVAL);
  });
});

describe('DR7', () => {
  test('has bits that are always the same', () => {
    expect(set(7, 0xd801n)).toBe(0);
    expect(processor.get(7)).toBe(0x401n);
    expect(set(7, 2n ** 32n)).toBe(-ERRNO.EINVAL);
    expect(set(7, 2n ** 63n)).toBe(-ERRNO.EINVAL);
    expect(get(7)).toBe(0x401n);
  });

  test('detects no accesses', () => {
    expect(set(7, 0x2000n)).toBe(-ERRNO.EPERM);
    expect(processor.has(7)).toBe(false);
  });

  test('breaks on I/O only with CR4.DE, and never in the processor', () => {
    const value = 0x0002_0403n;
    expect(set(7, value)).toBe(-ERRNO.EPERM);
    // Not enabled: nothing is wrong.
    expect(set(7, 0x0002_0400n)).toBe(0);
    hasDebugExtensions = true;
    expect(set(7, value | 0x4n)).toBe(0);
    expect(processor.get(7)).toBe(0x0002_0404n);
    expect(get(7)).toBe(value | 0x4n);
    expect(new DebugRegisters(deps, registers.save()).get(7)).toBe(value | 0x4n);
    expect(set(7, 0x400n)).toBe(0);
    expect(get(7)).toBe(0x400n);
  });
});

test('DR4 and DR5 are DR6 and DR7 without CR4.DE', () => {
  expect(set(4, 1n)).toBe(0);
  expect(set(5, 2n)).toBe(0);
  expect([get(4), get(5)]).toEqual([0xffff_0ff1n, 0x402n]);
  expect([get(6), get(7)]).toEqual([0xffff_0ff1n, 0x402n]);
  hasDebugExtensions = true;
  for (const register of [4, 5]) {
    expect(set(register, 0n)).toBe(-ERRNO.ENODEV);
    expect(get(register)).toBe(-ERRNO.ENODEV);
  }
});

test('there are no others', () => {
  for (const register of [8, 2 ** 32 - 1]) {
    expect(set(register, 0n)).toBe(-ERRNO.ENODEV);
    expect(get(register)).toBe(-ERRNO.ENODEV);
  }
});
