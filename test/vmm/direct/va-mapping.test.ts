/** HYPERVISOR_update_va_mapping. */

import { beforeEach, expect, test } from 'vitest';
import { ERRNO } from '../../../src/xen/errno.ts';
import { UVMF } from '../../../src/xen/mmu.ts';
import { checkCounts } from './invariants.ts';
import { entry, G, Guest, L4, LIST, Machine, P, RW, US } from './rig.ts';
import { Space } from './space.ts';

const { NONE, TLB_FLUSH, INVLPG, ALL } = UVMF;

let machine: Machine;
let space: Space;
let other: Guest;

beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1).fill().start();
});

test('maps a page', () => {
  const value = entry(space.page(9), P | RW | US);
  expect(space.direct.updateVaMapping(0x14_123n, value, NONE)).toBe(0);
  expect(machine.u64(space.l1, 20)).toBe(value | BigInt(G));
  expect(space.direct.updateVaMapping(0x14_000n, 0n, NONE)).toBe(0);
  expect(space.uses(space.page(9)).count).toBe(0);
  expect(space.direct.domain.counters.vaMappings).toBe(2);
  checkCounts(space);
});

test('flushes what is asked for', () => {
  const { host, direct } = space;
  const before = host.flushes;
  const run = (flags: bigint): number => direct.updateVaMapping(0x14_000n, 0n, flags);
  expect(run(INVLPG)).toBe(0);
  expect(run(INVLPG | ALL)).toBe(0);
  expect(host.pages).toEqual([0x14_000n, 0x14_000n]);
  expect(run(TLB_FLUSH)).toBe(0);
  expect(run(TLB_FLUSH | ALL)).toBe(0);
  expect(run(TLB_FLUSH | INVLPG)).toBe(0);
  expect(host.flushes).toBe(before + 2);
  space.arguments.view.setBigUint64(0x8000, 2n, true);
  expect(run(TLB_FLUSH | (LIST + 0x8000n))).toBe(0);
  expect(host.flushes).toBe(before + 2);
  space.arguments.view.setBigUint64(0x8000, 1n, true);
  expect(run(TLB_FLUSH | (LIST + 0x8000n))).toBe(0);
  expect(run(INVLPG | (LIST + 0x8000n))).toBe(0);
  expect(host.flushes).toBe(before + 3);
  expect(host.pages).toHaveLength(3);
});

test('with a bad bitmap changes the entry all the same', () => {
  const value = entry(space.page(9), P | US);
  expect(space.direct.updateVaMapping(0x14_000n, value, TLB_FLUSH | 0x9000n)).toBe(-ERRNO.EFAULT);
  expect(machine.u64(space.l1, 20)).toBe(value | BigInt(G));
});

test('refuses addresses without an L1 entry', () => {
  const value = entry(space.page(9), P | US);
  for (const va of [1n << 21n, 1n << 30n, 1n << 39n, 1n << 47n, 0xffff_8000_0000_0000n]) {
    expect(space.direct.updateVaMapping(va, value, TLB_FLUSH)).toBe(-ERRNO.EINVAL);
  }
  expect(new Space(machine, 3).direct.updateVaMapping(0n, 0n, NONE)).toBe(-ERRNO.EINVAL);
});

test('does not change upper tables by a linear map', () => {
  expect(space.set(space.l4, 300, entry(space.l4, P | US))).toBe(0);
  const base = 0xffff_0000_0000_0000n | (300n << 39n);
  // 300, 0, 0: the L3 table in the place of an L1 table would be the entry of the L2 table.
  for (const va of [base, base | (300n << 30n), base | (300n << 30n) | (300n << 21n)]) {
    expect(space.direct.updateVaMapping(va, 0n, NONE)).toBe(-ERRNO.EINVAL);
  }
  checkCounts(space);
});

test('refuses what an entry may not be', () => {
  const { direct } = space;
  expect(direct.updateVaMapping(0n, entry(other.frame(0), P), NONE)).toBe(-ERRNO.EBUSY);
  expect(direct.updateVaMapping(0n, entry(space.l1, P | RW), NONE)).toBe(-ERRNO.EBUSY);
  expect(direct.updateVaMapping(0n, entry(machine.size, P), NONE)).toBe(-ERRNO.EPERM);
  expect(direct.updateVaMapping(0n, entry(space.page(9), P | 0x10), NONE)).toBe(-ERRNO.EINVAL);
  expect(space.ext(L4, space.l4)).toBe(-ERRNO.EINVAL);
  checkCounts(space);
});
