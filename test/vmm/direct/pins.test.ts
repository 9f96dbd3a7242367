/** Validation by pins: what it counts, what it refuses, and that a refusal leaves nothing behind. */

import { beforeEach, describe, expect, test } from 'vitest';
import { ERRNO } from '../../../src/xen/errno.ts';
import { checkCounts } from './invariants.ts';
import {
  A,
  entry,
  G,
  GUEST_KERNEL,
  Guest,
  L1,
  L2,
  L3,
  L4,
  Machine,
  NEW_BASEPTR,
  P,
  PS,
  RW,
  UNPIN,
  US,
} from './rig.ts';
import { Space } from './space.ts';

const PWT = 8;
const PCD = 0x10;

let machine: Machine;
let space: Space;
let other: Guest;

beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1).fill();
});

/** No frame has a use, as at first. */
function nothingUsed(): boolean {
  return space.owned.every((frame) => {
    const { count, typeCount } = space.uses(frame);
    return count === 0 && typeCount === 0 && !machine.frames.isPartial(frame);
  });
}

describe('a pin', () => {
  test('validates all tables down to the pages', () => {
    expect(space.ext(L4, space.l4)).toBe(0);
    expect(space.uses(space.l4)).toEqual({ type: 4, typeCount: 1, count: 1 });
    expect(space.uses(space.l3)).toEqual({ type: 3, typeCount: 1, count: 1 });
    expect(space.uses(space.l2)).toEqual({ type: 2, typeCount: 1, count: 1 });
    expect(space.uses(space.l1)).toEqual({ type: 1, typeCount: 1, count: 2 });
    expect(space.uses(space.page(0))).toEqual({ type: 6, typeCount: 1, count: 1 });
    expect(space.uses(space.page(4))).toEqual({ type: 0, typeCount: 0, count: 1 });
    checkCounts(space);
  });

  test('undone leaves no use', () => {
    space.ext(L4, space.l4);
    expect(space.ext(UNPIN, space.l4)).toBe(0);
    expect(nothingUsed()).toBe(true);
    const { validations, devalidations, refusals } = space.direct.domain.counters;
    expect([validations, devalidations, refusals]).toEqual([4, 4, 0]);
  });

  test('of each level', () => {
    expect(space.ext(L1, space.l1)).toBe(0);
    expect(space.ext(L2, space.l2)).toBe(0);
    expect(space.ext(L3, space.l3)).toBe(0);
    expect(space.uses(space.l1)).toMatchObject({ type: 1, typeCount: 2 });
    expect(space.uses(space.l2)).toMatchObject({ type: 2, typeCount: 2 });
    expect(space.ext(UNPIN, space.l2)).toBe(0);
    expect(space.uses(space.l1)).toMatchObject({ type: 1, typeCount: 2 });
    expect(space.ext(UNPIN, space.l1)).toBe(0);
    expect(space.ext(UNPIN, space.l3)).toBe(0);
    expect(nothingUsed()).toBe(true);
  });

  test('is refused twice, as another level, and of what is not the guest’s', () => {
    expect(space.ext(L4, space.l4)).toBe(0);
    expect(space.ext(L4, space.l4)).toBe(-ERRNO.EINVAL);
    expect(space.ext(L3, space.l4)).toBe(-ERRNO.EINVAL);
    expect(space.ext(L4, space.l3)).toBe(-ERRNO.EINVAL);
    expect(space.ext(L4, other.frame(0))).toBe(-ERRNO.EINVAL);
    expect(space.ext(L4, machine.vmmFrame)).toBe(-ERRNO.EINVAL);
    expect(space.ext(L4, 0)).toBe(-ERRNO.EINVAL);
    expect(space.ext(L4, machine.size)).toBe(-ERRNO.EINVAL);
    expect(space.ext(L4, 2n ** 64n - 1n)).toBe(-ERRNO.EINVAL);
    expect(space.ext(L4, 2n ** 32n + BigInt(space.l4))).toBe(-ERRNO.EINVAL);
    checkCounts(space);
  });

  test('cannot be undone twice, nor where there is none', () => {
    expect(space.ext(UNPIN, space.l4)).toBe(-ERRNO.EINVAL);
    space.ext(L4, space.l4);
    expect(space.ext(UNPIN, space.l3)).toBe(-ERRNO.EINVAL);
    expect(space.ext(UNPIN, other.frame(0))).toBe(-ERRNO.EINVAL);
    space.ext(UNPIN, space.l4);
    expect(space.ext(UNPIN, space.l4)).toBe(-ERRNO.EINVAL);
  });

  test('undone of what is in use leaves a table', () => {
    space.start();
    expect(space.ext(UNPIN, space.l4)).toBe(0);
    expect(space.uses(space.l4)).toEqual({ type: 4, typeCount: 1, count: 1 });
    expect(space.set(space.l1, 7, entry(space.l4, P | RW | US))).toBe(-ERRNO.EBUSY);
    checkCounts(space);
  });

  test('is refused of a frame that is mapped writable', () => {
    space.ext(L4, space.l4);
    expect(space.ext(L1, space.page(0))).toBe(-ERRNO.EINVAL);
    expect(space.ext(L1, space.page(4))).toBe(0);
    expect(space.set(space.l1, 8, entry(space.page(4), P | RW))).toBe(-ERRNO.EBUSY);
    checkCounts(space);
  });
});

describe('entries', () => {
  const bad: [string, () => bigint, number][] = [
    ['of another VM', () => entry(other.frame(0), P), -ERRNO.EBUSY],
    ['of the VMM', () => entry(machine.vmmFrame, P), -ERRNO.EBUSY],
    ['of frame 0, which is nobody’s', () => entry(0, P), -ERRNO.EBUSY],
    ['of no RAM', () => entry(machine.size, P), -ERRNO.EPERM],
    ['of no address at all', () => entry(2 ** 40 - 1, P), -ERRNO.EINVAL],
    ['write-through', () => entry(space.page(9), P | PWT), -ERRNO.EINVAL],
    ['uncached', () => entry(space.page(9), P | PCD), -ERRNO.EINVAL],
    ['with PAT', () => entry(space.page(9), P | PS), -ERRNO.EINVAL],
    ['to the table itself, writable', () => entry(space.l1, P | RW), -ERRNO.EBUSY],
    ['to the table above, writable', () => entry(space.l2, P | RW), -ERRNO.EBUSY],
    ['to the root, writable', () => entry(space.l4, P | RW), -ERRNO.EBUSY],
  ];

  test.each(bad)('L1 %s', (_, value, error) => {
    space.poke(space.l1, 511, value());
    expect(space.ext(L4, space.l4)).toBe(error);
    expect(nothingUsed()).toBe(true);
    expect(space.direct.domain.counters.refusals).toBe(4);
    space.poke(space.l1, 511, 0n);
    expect(space.ext(L4, space.l4)).toBe(0);
    expect(space.set(space.l1, 511, value())).toBe(error);
    expect(machine.u64(space.l1, 511)).toBe(0n);
    checkCounts(space);
  });

  const links: [string, () => bigint][] = [
    ['to another VM’s frame', () => entry(other.frame(0), P | US)],
    ['to the VMM’s frame', () => entry(machine.vmmFrame, P | US)],
    ['to no RAM', () => entry(machine.size, P | US)],
    ['with a large page', () => entry(space.page(9), P | US | PS)],
    ['global', () => entry(space.page(9), P | US | G)],
    ['uncached', () => entry(space.page(9), P | US | PCD)],
    ['to a page that is mapped writable', () => entry(space.page(0), P | US)],
    ['to a table of the level above', () => entry(space.l4, P | US)],
    ['to the table itself, writable', () => entry(space.l3, P | RW | US)],
    ['to a table two levels below', () => entry(space.l1, P | RW | US)],
  ];

  test.each(links)('L3 %s', (_, value) => {
    space.poke(space.l3, 5, value());
    expect(space.ext(L4, space.l4)).toBe(-ERRNO.EINVAL);
    expect(nothingUsed()).toBe(true);
    space.poke(space.l3, 5, 0n);
    expect(space.ext(L4, space.l4)).toBe(0);
    expect(space.set(space.l3, 5, value())).toBe(-ERRNO.EINVAL);
    expect(machine.u64(space.l3, 5)).toBe(0n);
    checkCounts(space);
  });

  test('that are not present may hold anything', () => {
    space.poke(space.l1, 100, entry(other.frame(0), 0xffe));
    space.poke(space.l4, 100, 0xffff_ffff_ffff_fffen);
    expect(space.ext(L4, space.l4)).toBe(0);
    expect(machine.u64(space.l4, 100)).toBe(0xffff_ffff_ffff_fffen);
  });

  test('are for user mode; L1 entries keep what the guest meant', () => {
    space.poke(space.l4, 1, entry(space.page(10), P | RW));
    space.poke(space.page(10), 0, entry(space.page(11), P | RW));
    space.poke(space.l1, 10, (1n << 63n) | entry(space.page(9), P));
    expect(space.ext(L4, space.l4)).toBe(0);
    expect(machine.u64(space.l4, 1)).toBe(entry(space.page(10), P | RW | US | A));
    expect(machine.u64(space.page(10), 0)).toBe(entry(space.page(11), P | RW | US));
    expect(machine.u64(space.l1, 0)).toBe(entry(space.page(0), P | RW | US | G));
    expect(machine.u64(space.l1, 4)).toBe(entry(space.page(4), P | US) | GUEST_KERNEL);
    const kernelPage = entry(space.page(9), P | US) | GUEST_KERNEL | (1n << 63n);
    expect(machine.u64(space.l1, 10)).toBe(kernelPage);
    expect(machine.written.has(space.l1)).toBe(true);
    // Once more what is there already: the guest reads its tables and writes what it has read.
    expect(space.set(space.l1, 10, machine.u64(space.l1, 10))).toBe(0);
    expect(machine.u64(space.l1, 10)).toBe(kernelPage);
  });

  test('of Xen’s slots are the VMM’s, whatever the guest has left there', () => {
    space.poke(space.l4, 256, entry(other.frame(0), P | RW | US));
    space.poke(space.l4, 271, entry(other.frame(0), P | RW | US));
    space.poke(space.l4, 272, entry(space.page(9), P | RW | US));
    expect(space.ext(L4, space.l4)).toBe(0);
    expect(machine.u64(space.l4, 256)).toBe(0n);
    expect(machine.u64(space.l4, 271)).toBe(entry(machine.vmmFrame, P | RW | A));
    expect(space.uses(space.page(9))).toMatchObject({ type: 3, typeCount: 1 });
    expect(space.ext(NEW_BASEPTR, space.l4)).toBe(0);
    expect(machine.u64(space.l4, 256)).toBe(machine.machineToPhys.entry);
    checkCounts(space);
  });
});

describe('linear maps', () => {
  test('of a table to itself, read-only', () => {
    space.poke(space.l4, 300, entry(space.l4, P | US));
    expect(space.ext(L4, space.l4)).toBe(0);
    expect(space.uses(space.l4)).toEqual({ type: 4, typeCount: 1, count: 1 });
    expect(space.set(space.l4, 300, entry(space.l4, P | RW | US))).toBe(-ERRNO.EINVAL);
    expect(space.set(space.l4, 301, entry(space.l4, P | RW | US))).toBe(-ERRNO.EINVAL);
    expect(space.ext(UNPIN, space.l4)).toBe(0);
    expect(nothingUsed()).toBe(true);
  });

  test('of a table to another one, but in no circle', () => {
    const [second, third] = [space.page(10), space.page(11)];
    for (const table of [second, third, space.l4]) expect(space.ext(L4, table)).toBe(0);
    expect(space.set(space.l4, 300, entry(second, P | US))).toBe(0);
    expect(space.uses(second)).toEqual({ type: 4, typeCount: 2, count: 2 });
    expect(space.set(second, 300, entry(space.l4, P | US))).toBe(-ERRNO.EINVAL);
    expect(space.set(second, 300, entry(third, P | US))).toBe(-ERRNO.EINVAL);
    expect(space.set(third, 300, entry(space.l4, P | US))).toBe(-ERRNO.EINVAL);
    expect(space.set(third, 300, entry(second, P | US))).toBe(0);
    expect(space.ext(UNPIN, second)).toBe(0);
    expect(space.uses(second)).toEqual({ type: 4, typeCount: 2, count: 2 });
    checkCounts(space);
    expect(space.set(space.l4, 300, 0n)).toBe(0);
    expect(space.ext(UNPIN, third)).toBe(0);
    expect(space.uses(second)).toEqual({ type: 0, typeCount: 0, count: 0 });
    checkCounts(space);
  });

  test('not to a table that is none yet', () => {
    space.ext(L4, space.l4);
    // It becomes a table of the level below.
    expect(space.set(space.l4, 300, entry(space.page(10), P | US))).toBe(0);
    expect(space.uses(space.page(10))).toEqual({ type: 3, typeCount: 1, count: 1 });
  });
});
