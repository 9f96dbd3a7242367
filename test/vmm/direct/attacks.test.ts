/** What a guest can try: each is refused, and nothing is changed. */

import { beforeEach, describe, expect, test } from 'vitest';
import { ERRNO } from '../../../src/xen/errno.ts';
import { checkCounts, checkReach } from './invariants.ts';
import { entry, Guest, L1, L2, L4, Machine, NEW_USER_BASEPTR, P, RW, UNPIN, US } from './rig.ts';
import { Space } from './space.ts';

const ANY = P | RW | US;

let machine: Machine;
let space: Space;
let other: Guest;

beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1).fill().start();
});

describe('stale translations', () => {
  test('of a page that was writable are flushed before it is a table', () => {
    // The guest unmaps page 0 and flushes nothing.
    expect(space.set(space.l1, 0, 0n)).toBe(0);
    const { flushes } = space.host;
    expect(space.ext(L1, space.page(0))).toBe(0);
    expect(space.host.flushes).toBe(flushes + 1);
  });

  test('are flushed though the page is still mapped read-only', () => {
    expect(space.set(space.l1, 20, entry(space.page(0), P | US))).toBe(0);
    expect(space.set(space.l1, 0, 0n)).toBe(0);
    const { flushes } = space.host;
    expect(space.ext(L1, space.page(0))).toBe(0);
    expect(space.host.flushes).toBe(flushes + 1);
  });

  test('are flushed before descriptors are used', () => {
    expect(space.set(space.l1, 0, 0n)).toBe(0);
    const { flushes } = space.host;
    expect(space.direct.descriptors.setGdt([space.page(0)], 1)).toBe(0);
    expect(space.host.flushes).toBe(flushes + 1);
    expect(space.set(space.l1, 4, 0n)).toBe(0);
    expect(space.ext(13, 0x1000, 1)).toBe(0);
    expect(space.direct.descriptors.ldtFrame(0)).toBeUndefined();
  });

  test('are flushed once: a flush of the guest’s own is enough', () => {
    expect(space.set(space.l1, 0, 0n)).toBe(0);
    expect(space.ext(6)).toBe(0);
    const { flushes } = space.host;
    expect(space.ext(L1, space.page(0))).toBe(0);
    expect(space.host.flushes).toBe(flushes);
  });

  test('of tables are flushed before they are written to', () => {
    // The processor may have that page 10 is an L1 table.
    expect(space.set(space.l2, 1, entry(space.page(10), ANY))).toBe(0);
    const before = space.host.flushes;
    expect(space.set(space.l2, 1, 0n)).toBe(0);
    expect(space.host.flushes).toBe(before + 1);
    // Not so if the tree that held it was in use by another way: the type changes.
    expect(space.ext(L1, space.page(10))).toBe(0);
    expect(space.ext(UNPIN, space.page(10))).toBe(0);
    const { flushes } = space.host;
    expect(space.set(space.l1, 20, entry(space.page(10), ANY))).toBe(0);
    expect(space.host.flushes).toBe(flushes + 1);
  });

  test('are flushed before a frame is another VM’s', () => {
    expect(space.set(space.l1, 0, 0n)).toBe(0);
    const { frames } = machine;
    const { flush } = space.direct.domain;
    const { flushes } = space.host;
    frames.giveBack(space.page(0), flush);
    flush.perform();
    expect(space.host.flushes).toBe(flushes + 1);
    frames.giveBack(space.page(15), flush);
    flush.perform();
    expect(space.host.flushes).toBe(flushes + 1);
    // One that was only read.
    expect(space.set(space.l1, 4, 0n)).toBe(0);
    frames.giveBack(space.page(4), flush);
    flush.perform();
    expect(space.host.flushes).toBe(flushes + 2);
  });
});

describe('a table mapped writable', () => {
  test('directly, in whatever table', () => {
    for (const table of [space.l4, space.l3, space.l2, space.l1]) {
      expect(space.set(space.l1, 20, entry(table, ANY))).toBe(-ERRNO.EBUSY);
      expect(space.set(space.l1, 20, entry(table, P | US))).toBe(0);
      expect(space.set(space.l1, 20, entry(table, ANY))).toBe(-ERRNO.EBUSY);
      expect(space.direct.updateVaMapping(0x14_000n, entry(table, ANY), 0n)).toBe(-ERRNO.EBUSY);
    }
    checkReach(space);
    checkCounts(space);
  });

  test('below a read-only upper entry: R/W counts whatever the way to it says', () => {
    expect(space.set(space.l2, 0, entry(space.l1, P | US))).toBe(0);
    expect(space.set(space.l1, 20, entry(space.page(9), ANY))).toBe(0);
    expect(space.ext(L1, space.page(9))).toBe(-ERRNO.EINVAL);
  });

  test('by another address space', () => {
    const [root, l3, l2, l1] = [10, 11, 12, 13].map((n) => space.page(n));
    space.poke(root ?? 0, 0, entry(l3 ?? 0, ANY));
    space.poke(l3 ?? 0, 0, entry(l2 ?? 0, ANY));
    space.poke(l2 ?? 0, 0, entry(l1 ?? 0, ANY));
    space.poke(l1 ?? 0, 0, entry(space.l1, ANY));
    expect(space.ext(L4, root ?? 0)).toBe(-ERRNO.EBUSY);
    expect(space.ext(NEW_USER_BASEPTR, root ?? 0)).toBe(-ERRNO.EBUSY);
    space.poke(l1 ?? 0, 0, entry(space.page(9), ANY));
    expect(space.ext(NEW_USER_BASEPTR, root ?? 0)).toBe(0);
    expect(space.ext(L2, space.page(9))).toBe(-ERRNO.EINVAL);
    checkReach(space);
    checkCounts(space);
  });

  test('recursively', () => {
    for (const [table, n] of [
      [space.l4, 300],
      [space.l3, 5],
      [space.l2, 5],
    ] as const) {
      expect(space.set(table, n, entry(table, ANY))).toBe(-ERRNO.EINVAL);
      expect(space.set(table, n, entry(table, P | US))).toBe(0);
      expect(space.set(table, n, entry(table, ANY))).toBe(-ERRNO.EINVAL);
    }
    checkReach(space);
    checkCounts(space);
  });

  test('as itself while it is validated', () => {
    const [l2, l1] = [space.page(10), space.page(11)];
    space.poke(l2, 0, entry(l1, ANY));
    space.poke(l1, 0, entry(l2, ANY));
    expect(space.ext(L2, l2)).toBe(-ERRNO.EBUSY);
    space.poke(l1, 0, entry(l1, ANY));
    expect(space.ext(L1, l1)).toBe(-ERRNO.EBUSY);
    expect(space.uses(l1).count).toBe(0);
    checkCounts(space);
  });
});

describe('frames that are not the guest’s', () => {
  test('are not found in any frame number', () => {
    for (let frame = 0; frame < machine.size + 4; frame++) {
      if (machine.pool.ownerOf(frame) === 1) continue;
      expect(space.set(space.l1, 20, entry(frame, P | US))).toBeLessThan(0);
      expect(space.set(space.l2, 20, entry(frame, P | US))).toBe(-ERRNO.EINVAL);
      expect(space.ext(L1, frame)).toBe(-ERRNO.EINVAL);
    }
    checkCounts(space, other);
    checkReach(space);
  });

  test('with bits beyond the address', () => {
    for (const bit of [32n, 40n, 51n]) {
      const value = entry(space.page(9), P | US) | (1n << bit);
      expect(space.set(space.l1, 20, value)).toBe(-ERRNO.EPERM);
      expect(space.set(space.l2, 20, value)).toBe(-ERRNO.EINVAL);
    }
  });
});

test('a shared page is mapped, and never becomes a table', () => {
  machine.frames.share(space.page(9));
  expect(space.set(space.l1, 20, entry(space.page(9), ANY))).toBe(0);
  expect(space.set(space.l1, 20, 0n)).toBe(0);
  for (const command of [L1, L2, L4]) expect(space.ext(command, space.page(9))).toBe(-ERRNO.EINVAL);
});
