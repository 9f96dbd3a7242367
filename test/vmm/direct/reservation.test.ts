/** Frames that a VM takes and gives back: whose they are when, what they hold, and what may still translate to them. */

import { beforeEach, describe, expect, test } from 'vitest';
import { ERRNO } from '../../../src/xen/errno.ts';
import { checkCounts, checkReach } from './invariants.ts';
import { entry, Guest, L1, Machine, P, RW, SPARE_FRAMES, UNPIN, US } from './rig.ts';
import { Space } from './space.ts';

const INVALID = 2n ** 64n - 1n;
const ANY = P | RW | US;

let machine: Machine;
let space: Space;
let other: Guest;

beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1).fill().start();
});

const owner = (frame: number): number => machine.pool.ownerOf(frame);
function give(frame: number): boolean {
  const { reservation } = space.direct;
  reservation.begin();
  const isGiven = reservation.giveBack(frame);
  reservation.end();
  return isGiven;
}

describe('a frame given back', () => {
  test('that nobody uses is free, and has no number', () => {
    const frame = space.page(9);
    machine.machineToPhys.set(frame, 5n);
    const { current } = space.direct.reservation;
    expect(give(frame)).toBe(true);
    expect(owner(frame)).toBe(0);
    expect(machine.machineToPhys.get(frame)).toBe(INVALID);
    expect(space.direct.reservation.current).toBe(current - 1);
    expect(give(frame)).toBe(false);
    expect(space.set(space.l1, 20, entry(frame, P | US))).toBe(-ERRNO.EBUSY);
  });

  test('is nobody’s until stale translations are gone', () => {
    const frame = space.page(0);
    expect(space.set(space.l1, 0, 0n)).toBe(0);
    const { flushes } = space.host;
    const { reservation } = space.direct;
    expect(reservation.giveBack(frame)).toBe(true);
    expect(owner(frame)).toBe(-1);
    expect(space.host.flushes).toBe(flushes);
    reservation.end();
    expect(space.host.flushes).toBe(flushes + 1);
    expect(owner(frame)).toBe(0);
  });

  test('that is mapped stays the VM’s until it is unmapped', () => {
    const frame = space.page(0);
    machine.machineToPhys.set(frame, 5n);
    expect(give(frame)).toBe(true);
    expect(give(frame)).toBe(true);
    expect(owner(frame)).toBe(1);
    expect(space.set(space.l1, 20, entry(frame, ANY))).toBe(0);
    expect(space.set(space.l1, 0, 0n)).toBe(0);
    expect(owner(frame)).toBe(1);
    expect(machine.machineToPhys.get(frame)).toBe(5n);
    const { flushes } = space.host;
    expect(space.set(space.l1, 20, 0n)).toBe(0);
    expect(owner(frame)).toBe(0);
    expect(machine.machineToPhys.get(frame)).toBe(INVALID);
    expect(space.host.flushes).toBe(flushes + 1);
    checkCounts(space);
    checkReach(space);
  });

  test('that is a pinned table stays one until it is unpinned', () => {
    const table = space.page(9);
    expect(space.ext(L1, table)).toBe(0);
    expect(give(table)).toBe(true);
    expect(owner(table)).toBe(1);
    expect(space.ext(UNPIN, table)).toBe(0);
    expect(owner(table)).toBe(0);
    checkCounts(space);
  });

  test('that the VMM shares stays the VM’s', () => {
    const frame = space.page(9);
    machine.frames.share(frame);
    expect(give(frame)).toBe(true);
    expect(owner(frame)).toBe(1);
    expect(space.set(space.l1, 20, entry(frame, ANY))).toBe(0);
    expect(space.set(space.l1, 20, 0n)).toBe(0);
    expect(owner(frame)).toBe(1);
  });

  test('must be the VM’s', () => {
    for (const frame of [other.frame(0), machine.vmmFrame, 0, machine.size, 2 ** 40]) {
      expect(give(frame)).toBe(false);
    }
    expect(owner(other.frame(0))).toBe(2);
  });
});

describe('a frame taken', () => {
  test('is scrubbed and the VM’s, up to the maximum', () => {
    const { reservation } = space.direct;
    expect(reservation.maximum).toBe(reservation.current + SPARE_FRAMES);
    for (let n = 0; n < machine.size; n++) {
      if (owner(n) === 0) machine.memory.fill(n * 4096, 4096, 0xaa);
    }
    for (let n = 0; n < SPARE_FRAMES; n++) {
      const frame = reservation.take(1, machine.size);
      if (frame === undefined) expect.fail('there is no frame');
      expect(owner(frame)).toBe(1);
      expect(machine.memory.read(frame * 4096, 4096).every((byte) => byte === 0)).toBe(true);
    }
    expect(reservation.take(1, machine.size)).toBeUndefined();
  });

  test('comes in rows, and from below a limit', () => {
    const { reservation } = space.direct;
    const free = [...Array(machine.size).keys()].filter((n) => n > 0 && owner(n) === 0);
    const first = free.find((n) => n % 2 === 0 && free.includes(n + 1)) ?? 0;
    expect(reservation.take(2, machine.size)).toBe(first);
    expect([owner(first), owner(first + 1)]).toEqual([1, 1]);
    expect(reservation.take(2, first + 2)).toBeUndefined();
    const lowest = free.find((n) => n !== first && n !== first + 1) ?? 0;
    expect(reservation.take(1, lowest + 1)).toBe(lowest);
    expect(reservation.take(1, lowest + 1)).toBeUndefined();
    expect(machine.pool.left).toBe(free.length - 3);
  });

  test('is none when the machine has none', () => {
    while (machine.pool.left > 0) machine.pool.take(3);
    const { reservation } = space.direct;
    expect(reservation.take(1, machine.size)).toBeUndefined();
    expect(reservation.take(2, machine.size)).toBeUndefined();
  });
});

describe('an exchange', () => {
  const extents = (count: number, size: number) => ({ count, size, end: machine.size });

  test('changes frames, not how many there are', () => {
    const { reservation } = space.direct;
    const { current } = reservation;
    const given = [space.page(9), space.page(10)];
    const taken = reservation.exchange(given, extents(1, 2));
    if (typeof taken === 'number') expect.fail(`error ${taken}`);
    expect(given.map(owner)).toEqual([0, 0]);
    expect(owner((taken[0] ?? 0) + 1)).toBe(1);
    expect(reservation.current).toBe(current);
  });

  test('takes only what nobody uses, once', () => {
    const { reservation } = space.direct;
    const bad = [[space.page(0)], [other.frame(0)], [space.page(9), space.page(9)], [space.l1]];
    for (const given of bad) {
      expect(reservation.exchange(given, extents(given.length, 1))).toBe(-ERRNO.EINVAL);
    }
    expect(owner(space.page(9))).toBe(1);
  });

  test('changes nothing if the machine has too little', () => {
    while (machine.pool.left > 1) machine.pool.take(3);
    const { reservation } = space.direct;
    const given = [space.page(9), space.page(10)];
    expect(reservation.exchange(given, extents(2, 1))).toBe(-ERRNO.ENOMEM);
    expect(machine.pool.left).toBe(1);
    expect(given.map(owner)).toEqual([1, 1]);
  });
});
