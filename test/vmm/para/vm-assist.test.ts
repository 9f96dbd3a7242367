/** HYPERVISOR_vm_assist. */

import { beforeEach, expect, test } from 'vitest';
import { VmAssists } from '../../../src/vmm/para/guest/vm-assists.ts';
import { vmAssistCalls } from '../../../src/vmm/para/hypercalls/vm-assist.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { VMASST_CMD, VMASST_TYPE } from '../../../src/xen/vm-assist.ts';
import { finish } from './flat-space.ts';

let changes: [number, boolean][];
let assists: VmAssists;
beforeEach(() => {
  changes = [];
  assists = new VmAssists((type, isEnabled) => changes.push([type, isEnabled]));
});
const call = (command: number, type: number): number =>
  finish(vmAssistCalls(assists).vm_assist, command, type).result;

test.each(Object.entries(VMASST_TYPE))('%s is enabled and disabled', (_name, type) => {
  for (let n = 0; n < 2; n++) expect(call(VMASST_CMD.enable, type)).toBe(0);
  expect(assists.isEnabled(type)).toBe(true);
  expect(assists.save()).toEqual([type]);
  expect(new VmAssists(() => {}, assists.save()).isEnabled(type)).toBe(true);
  for (let n = 0; n < 2; n++) expect(call(VMASST_CMD.disable, type)).toBe(0);
  expect(assists.isEnabled(type)).toBe(false);
  expect(changes).toEqual([
    [type, true],
    [type, false],
  ]);
});

test('what there is not', () => {
  for (const type of [6, 31, 33, 64, 2 ** 32 - 1]) {
    expect(call(VMASST_CMD.enable, type)).toBe(-ERRNO.EINVAL);
    expect(call(2, type)).toBe(-ERRNO.EINVAL);
  }
  expect(call(2, VMASST_TYPE.m2p_strict)).toBe(-ERRNO.ENOSYS);
  expect(changes).toEqual([]);
});
