/** Writes of a guest's kernel to its L1 tables. */

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ERRNO } from '../../../src/xen/errno.ts';
import { checkCounts, checkReach } from './invariants.ts';
import { entry, Guest, Machine, P, RW, US } from './rig.ts';
import { Space } from './space.ts';

const PAGE = 4096;

let machine: Machine;
let space: Space;
let other: Guest;

beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1).fill().start();
});

const write = (n: number, value: bigint): number =>
  space.direct.tableWrites.write(
    space.l1 * PAGE + n * 8,
    Number(BigInt.asUintN(32, value)),
    Number(value >> 32n),
  );

describe('a table', () => {
  const at = (page: number): number | undefined =>
    space.direct.tableWrites.tableAt(BigInt(page * PAGE + 0x123));

  test('is one that is an L1 table, mapped read-only', () => {
    expect(at(6)).toBe(space.l1);
  });

  test('is no page of another kind, none that is not there, and none of Xen', () => {
    expect(at(0)).toBeUndefined();
    expect(at(4)).toBeUndefined();
    expect(at(20)).toBeUndefined();
    expect(at(512)).toBeUndefined();
    expect(space.direct.tableWrites.tableAt(0xffff_8000_0000_0000n)).toBeUndefined();
    expect(write(20, entry(space.l2, P))).toBe(0);
    expect(at(20)).toBeUndefined();
  });
});

test('a good entry is written, and what it maps is counted', () => {
  expect(write(0, entry(space.page(9), P | RW | US))).toBe(0);
  expect(space.uses(space.page(9))).toMatchObject({ count: 1, typeCount: 1 });
  expect(space.uses(space.page(0)).count).toBe(0);
  expect(write(0, 0x1234_5678_9abc_def0n)).toBe(0);
  expect(machine.u64(space.l1, 0)).toBe(0x1234_5678_9abc_def0n);
  expect(space.uses(space.page(9)).count).toBe(0);
  checkCounts(space, other);
});

test('a bad one is not', () => {
  const before = machine.u64(space.l1, 0);
  for (const table of [space.l1, space.l2, space.l4]) {
    expect(write(0, entry(table, P | RW | US))).toBe(-ERRNO.EBUSY);
  }
  expect(write(0, entry(other.frame(0), P))).toBe(-ERRNO.EBUSY);
  expect(write(0, entry(machine.vmmFrame, P))).toBe(-ERRNO.EBUSY);
  expect(write(0, entry(2 ** 30, P))).toBe(-ERRNO.EPERM);
  expect(write(0, entry(space.page(9), P | 0x80))).toBe(-ERRNO.EINVAL);
  expect(machine.u64(space.l1, 0)).toBe(before);
  checkCounts(space, other);
});

test('whatever is written', () => {
  const frames = [space.l1, space.l2, other.frame(1), machine.vmmFrame, ...space.free.slice(0, 6)];
  const value = fc.record({ frame: fc.constantFrom(...frames), flags: fc.nat(0x1ff) });
  const writes = fc.array(fc.record({ n: fc.nat(15), value }), { maxLength: 30 });
  fc.assert(
    fc.property(writes, (list) => {
      for (const { n, value: to } of list) write(n, entry(to.frame, to.flags));
      checkCounts(space, other);
      checkReach(space);
    }),
    { numRuns: 100 },
  );
});
