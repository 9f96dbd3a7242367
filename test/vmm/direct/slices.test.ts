/** Long work in slices: bounded, the same in the end, and with the guest's other calls in between. */

import { beforeEach, describe, expect, test } from 'vitest';
import type { BatchCall, BatchOutcome } from '../../../src/vmm/direct/batches.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { checkCounts, checkReach } from './invariants.ts';
import {
  CLEAR_PAGE,
  type Ext,
  entry,
  Guest,
  L1,
  L2,
  L3,
  L4,
  LIST,
  Machine,
  NEW_BASEPTR,
  P,
  RW,
  UNPIN,
  US,
} from './rig.ts';
import { Space } from './space.ts';

const SLICE = 600;
/** Lists of calls that come in between. */
const BETWEEN = LIST + 0x1_0000n;

let machine: Machine;
let space: Space;
let other: Guest;

beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1, 30, SLICE).fill();
  // Three more L1 tables, and an L2 table of its own for two of them.
  space.poke(space.l2, 511, entry(space.page(10), P | US));
  space.poke(space.l3, 9, entry(space.page(11), P | US));
  space.poke(space.page(11), 0, entry(space.page(12), P | US));
  space.poke(space.page(11), 300, entry(space.page(13), P | US));
  space.poke(space.page(12), 7, entry(space.page(14), P | RW | US));
});

/** Steps of a call, with what happens in between; the result. */
function steps(call: BatchCall, between: (n: number) => void): { result: number; slices: number } {
  let outcome: BatchOutcome = space.direct.mmuextOp(call);
  for (let slices = 1; ; slices++) {
    checkCounts(space);
    if ('result' in outcome) return { result: outcome.result, slices };
    between(slices);
    checkCounts(space);
    outcome = space.direct.mmuextOp(outcome.again);
  }
}

const ext = (command: number, frame: number): BatchCall =>
  space.extCall([{ command, arg1: frame }]);
const nothing = (): void => {};

/** A call of the guest while another one is not done. */
function meanwhile(list: readonly Ext[]): number {
  const call = { ...space.extCall(list, undefined, BETWEEN), done: 0n };
  return space.finish((next) => space.direct.mmuextOp(next), call);
}

function set(table: number, n: number, val: bigint): number {
  const call = space.updateCall([{ ptr: table * 4096 + n * 8, val }], undefined, BETWEEN);
  return space.finish((next) => space.direct.mmuUpdate(next), { ...call, done: 0n });
}

describe('a pin in slices', () => {
  test('ends as one without', () => {
    const { result, slices } = steps(ext(L4, space.l4), nothing);
    expect(result).toBe(0);
    expect(slices).toBeGreaterThan(5);
    expect(space.done).toBe(1);
    expect(space.direct.domain.counters.validations).toBe(8);
    expect(space.direct.domain.counters.continuations).toBe(slices - 1);
    expect(machine.frames.isPinned(space.l4)).toBe(true);
    expect(space.ext(NEW_BASEPTR, space.l4)).toBe(0);
    checkReach(space);
  });

  test('does a bounded part at a time', () => {
    let before = 0;
    const { counters } = space.direct.domain;
    const measure = (): void => {
      // A slice, and the last L1 table whole.
      expect(counters.entriesChecked - before).toBeLessThanOrEqual(SLICE + 512);
      expect(counters.entriesChecked).toBeGreaterThan(before);
      before = counters.entriesChecked;
    };
    expect(steps(ext(L4, space.l4), measure).result).toBe(0);
  });

  test('undoes in slices what an unpin leaves', () => {
    steps(ext(L4, space.l4), nothing);
    const { result, slices } = steps(ext(UNPIN, space.l4), nothing);
    expect(result).toBe(0);
    expect(slices).toBeGreaterThan(5);
    expect(space.owned.every((frame) => space.uses(frame).count === 0)).toBe(true);
    expect(space.done).toBe(1);
  });

  test('undoes in slices what a refusal leaves, and tells the error then', () => {
    space.poke(space.page(13), 511, entry(other.frame(0), P | US));
    let undone = 0;
    const { result } = steps(ext(L4, space.l4), () => {
      if (space.direct.domain.old.frame === space.l4) undone++;
    });
    expect(result).toBe(-ERRNO.EBUSY);
    expect(undone).toBeGreaterThan(1);
    expect(space.owned.every((frame) => space.uses(frame).count === 0)).toBe(true);
    expect(space.done).toBe(0);
  });

  test('whose rest is an old table leaves it alone when descriptors are wanted', () => {
    steps(ext(L4, space.l4), nothing);
    let tried = 0;
    steps(ext(UNPIN, space.l4), () => {
      const { frame } = space.direct.domain.old;
      if (frame === 0) return;
      tried++;
      expect(space.direct.descriptors.setGdt([frame], 1)).toBe(-ERRNO.EINVAL);
    });
    expect(tried).toBeGreaterThan(1);
    expect(space.uses(space.l4).count).toBe(0);
  });

  test('goes on after other calls', () => {
    const { result } = steps(ext(L4, space.l4), (n) => {
      expect(meanwhile([{ command: CLEAR_PAGE, arg1: space.page(20) }])).toBe(0);
      if (n === 2) expect(meanwhile([{ command: L1, arg1: space.page(21) }])).toBe(0);
    });
    expect(result).toBe(0);
  });
});

describe('a partial table', () => {
  test('is not written to, by no call', () => {
    let tried = 0;
    const { result } = steps(ext(L4, space.l4), () => {
      for (const table of [space.l4, space.l3, space.l2, space.page(11)]) {
        if (!machine.frames.isPartial(table)) continue;
        tried++;
        expect(set(table, 3, entry(other.frame(0), P | RW | US))).toBe(-ERRNO.EINVAL);
        expect(set(space.page(20), 3, 1n)).toBe(0);
        expect(meanwhile([{ command: CLEAR_PAGE, arg1: table }])).toBe(-ERRNO.EINVAL);
      }
    });
    expect(tried).toBeGreaterThan(5);
    expect(result).toBe(0);
  });

  test('is not mapped writable, and becomes no other table', () => {
    const root = space.page(20);
    const tables = [space.page(21), space.page(22), space.page(23)];
    space.poke(root, 0, entry(tables[0] ?? 0, P | US));
    space.poke(tables[0] ?? 0, 0, entry(tables[1] ?? 0, P | US));
    space.poke(tables[1] ?? 0, 0, entry(tables[2] ?? 0, P | US));
    expect(space.ext(L4, root)).toBe(0);
    steps(ext(L4, space.l4), () => {
      for (const table of [space.l4, space.l3, space.l2]) {
        if (!machine.frames.isPartial(table)) continue;
        expect(set(tables[2] ?? 0, 5, entry(table, P | RW | US))).toBe(-ERRNO.EBUSY);
        expect(meanwhile([{ command: L1, arg1: table }])).toBe(-ERRNO.EINVAL);
      }
    });
    expect(set(tables[2] ?? 0, 5, entry(space.l4, P | US))).toBe(0);
  });

  test('is finished by who else wants it', () => {
    let isPinned = false;
    const { result } = steps(ext(L4, space.l4), () => {
      if (isPinned || !machine.frames.isPartial(space.l3)) return;
      expect(meanwhile([{ command: L3, arg1: space.l3 }])).toBe(0);
      expect(space.uses(space.l3)).toMatchObject({ type: 3, typeCount: 1 });
      isPinned = true;
    });
    expect([result, isPinned]).toEqual([0, true]);
    expect(space.uses(space.l3)).toEqual({ type: 3, typeCount: 2, count: 2 });
    expect(steps(ext(UNPIN, space.l4), nothing).result).toBe(0);
    expect(space.uses(space.l3)).toEqual({ type: 3, typeCount: 1, count: 1 });
  });

  test('that somebody else finished and gave up can be another table then', () => {
    let isChanged = false;
    const { result } = steps(ext(L4, space.l4), () => {
      if (isChanged || !machine.frames.isPartial(space.l3)) return;
      isChanged = true;
      const tables = [space.l3].map((arg1) => ({ arg1 }));
      for (const command of [L3, UNPIN]) {
        expect(meanwhile(tables.map(({ arg1 }) => ({ command, arg1 })))).toBe(0);
      }
      expect(space.uses(space.l3).typeCount).toBe(0);
      expect(meanwhile([{ command: CLEAR_PAGE, arg1: space.l3 }])).toBe(0);
      expect(meanwhile([{ command: L2, arg1: space.l3 }])).toBe(0);
    });
    expect([result, isChanged]).toEqual([-ERRNO.EINVAL, true]);
    expect(space.uses(space.l3)).toEqual({ type: 2, typeCount: 1, count: 1 });
    expect(space.uses(space.l4)).toEqual({ type: 0, typeCount: 0, count: 0 });
  });

  test('that the guest never finishes stays one', () => {
    const first = space.direct.mmuextOp(ext(L4, space.l4));
    expect('again' in first).toBe(true);
    expect(machine.frames.isPartial(space.l4)).toBe(true);
    expect(space.ext(UNPIN, space.l4)).toBe(-ERRNO.EINVAL);
    expect(space.ext(CLEAR_PAGE, space.l4)).toBe(-ERRNO.EINVAL);
    checkCounts(space);
    expect(space.ext(L4, space.l4)).toBe(0);
    checkCounts(space);
  });

  test('that is undone is done again by who wants it', () => {
    steps(ext(L4, space.l4), nothing);
    let isPinned = false;
    const { result } = steps(ext(UNPIN, space.l4), () => {
      if (isPinned) return;
      isPinned = true;
      expect(meanwhile([{ command: L4, arg1: space.l4 }])).toBe(0);
    });
    expect(result).toBe(0);
    expect(space.uses(space.l4)).toEqual({ type: 4, typeCount: 1, count: 1 });
    checkCounts(space);
  });
});

describe('the first address space', () => {
  test('is validated in one go', () => {
    expect(space.direct.start(space.l4)).toBe(0);
    expect(space.uses(space.l4)).toEqual({ type: 4, typeCount: 2, count: 2 });
    expect(machine.frames.isPinned(space.l4)).toBe(true);
    expect(space.direct.domain.kernelRoot).toBe(space.l4);
    checkCounts(space);
    checkReach(space);
  });

  test('or refused', () => {
    space.poke(space.page(13), 511, entry(other.frame(0), P | US));
    expect(space.direct.start(space.l4)).toBe(-ERRNO.EBUSY);
    expect(space.owned.every((frame) => space.uses(frame).count === 0)).toBe(true);
    expect(space.direct.domain.kernelRoot).toBe(0);
  });
});

describe('roots', () => {
  test('change in slices', () => {
    expect(space.ext(NEW_BASEPTR, space.l4)).toBe(0);
    const { result, slices } = steps(ext(NEW_BASEPTR, space.page(20)), nothing);
    expect(result).toBe(0);
    expect(slices).toBeGreaterThan(5);
    expect(space.direct.domain.kernelRoot).toBe(space.page(20));
    expect(space.uses(space.l4).count).toBe(0);
    expect(space.done).toBe(1);
  });
});

test('an upper entry that goes is undone before the next entry', () => {
  space.start();
  const list = [
    { ptr: space.l3 * 4096 + 9 * 8, val: 0 },
    { ptr: space.l3 * 4096 + 10 * 8, val: entry(space.page(12), P | US) },
  ];
  // The L1 table is free when the second entry makes an L2 table of it.
  space.poke(space.page(24), 0, 0n);
  expect(space.set(space.page(12), 7, 0n)).toBe(0);
  expect(space.updates(list)).toBe(0);
  expect(space.uses(space.page(11)).count).toBe(0);
  expect(space.uses(space.page(12))).toEqual({ type: 2, typeCount: 1, count: 1 });
  checkCounts(space);
});

test('an L1 table is refused as a whole', () => {
  space.poke(space.l1, 511, entry(other.frame(0), P));
  expect(steps(ext(L1, space.l1), nothing)).toEqual({ result: -ERRNO.EBUSY, slices: 1 });
  expect(steps(ext(L2, space.l2), nothing).result).toBe(-ERRNO.EBUSY);
});
