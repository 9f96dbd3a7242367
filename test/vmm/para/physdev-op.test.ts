/** HYPERVISOR_physdev_op. */

import { beforeEach, expect, test } from 'vitest';
import { physdevCalls } from '../../../src/vmm/para/hypercalls/physdev-op.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { PHYSDEVOP } from '../../../src/xen/physdev.ts';
import { BASE, FlatSpace, finish, NOWHERE } from './flat-space.ts';

let space: FlatSpace;
let iopl: number;
beforeEach(() => {
  space = new FlatSpace();
  iopl = 0;
});
const setIopl = (value: number): void => {
  iopl = value;
};
const call = (command: number, at: bigint): number =>
  finish(physdevCalls(space, setIopl).physdev_op, command, at).result;

test('set_iopl: 0 to 3', () => {
  for (const value of [3, 1, 0, 2]) {
    space.writeU32(BASE, value);
    expect(call(PHYSDEVOP.set_iopl, BASE)).toBe(0);
    expect(iopl).toBe(value);
  }
  for (const value of [4, 2 ** 31, 2 ** 32 - 1]) {
    space.writeU32(BASE, value);
    expect(call(PHYSDEVOP.set_iopl, BASE)).toBe(-ERRNO.EINVAL);
  }
  expect(call(PHYSDEVOP.set_iopl, NOWHERE)).toBe(-ERRNO.EFAULT);
  expect(iopl).toBe(2);
});

test('there are no devices', () => {
  for (const command of [0, 5, 7, 12, 28, 31, 2 ** 32 - 1]) {
    expect(call(command, BASE)).toBe(-ERRNO.ENOSYS);
  }
});
