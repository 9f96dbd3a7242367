/** HYPERVISOR_set_segment_base and fpu_taskswitch. */

import { beforeEach, describe, expect, test } from 'vitest';
import { fpuTaskswitchCalls } from '../../../src/vmm/para/hypercalls/fpu-taskswitch.ts';
import {
  type SegmentBases,
  segmentBaseCalls,
} from '../../../src/vmm/para/hypercalls/segment-base.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { SEGBASE } from '../../../src/xen/segments.ts';
import { finish } from './flat-space.ts';

let log: [string, bigint | number][];
beforeEach(() => {
  log = [];
});
const bases: SegmentBases = {
  setFs: (base) => log.push(['fs', base]),
  setUserGs: (base) => log.push(['user gs', base]),
  setKernelGs: (base) => log.push(['kernel gs', base]),
  loadUserGs: (selector) => log.push(['selector', selector]),
};
const call = (which: number, base: bigint): number =>
  finish(segmentBaseCalls(bases).set_segment_base, which, base).result;

describe('a base', () => {
  test.each([
    ['fs', SEGBASE.FS],
    ['user gs', SEGBASE.GS_USER],
    ['kernel gs', SEGBASE.GS_KERNEL],
  ] as const)('of %s is set if it is canonical', (name, which) => {
    // Xen's own addresses too: nothing is allowed by them.
    for (const base of [0n, 2n ** 47n - 1n, 2n ** 64n - 2n ** 47n, 2n ** 64n - 1n]) {
      expect(call(which, base)).toBe(0);
      expect(log.pop()).toEqual([name, base]);
    }
    for (const base of [2n ** 47n, 2n ** 63n, 2n ** 64n - 2n ** 47n - 1n]) {
      expect(call(which, base)).toBe(-ERRNO.EINVAL);
    }
    expect(log).toEqual([]);
  });

  test('of no segment is refused', () => {
    for (const which of [4, 2 ** 32 - 1]) expect(call(which, 0n)).toBe(-ERRNO.EINVAL);
    expect(log).toEqual([]);
  });
});

test('a selector for user code gets RPL 3, if it is not null', () => {
  const loaded = [0n, 3n, 4n, 0xe02bn, 0x1_0008n, 2n ** 63n].map((selector) => {
    expect(call(SEGBASE.GS_USER_SEL, selector)).toBe(0);
    return log.pop()?.[1];
  });
  expect(loaded).toEqual([0, 3, 7, 0xe02b, 0xb, 0]);
});

test('CR0.TS is set and cleared', () => {
  const seen: boolean[] = [];
  const { fpu_taskswitch } = fpuTaskswitchCalls((isSet) => seen.push(isSet));
  for (const value of [1n, 0n, 2n ** 32n, 2n]) expect(finish(fpu_taskswitch, value).result).toBe(0);
  expect(seen).toEqual([true, false, false, true]);
});
