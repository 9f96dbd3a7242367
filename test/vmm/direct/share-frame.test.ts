/** Frames of its memory that a guest shares with the VMM: they can be mapped, and never be tables. */

import { expect, test } from 'vitest';
import { TYPE_L1, TYPE_WRITABLE } from '../../../src/vmm/direct/frame-table.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { Guest, L1, Machine, UNPIN } from './rig.ts';

const machine = new Machine(64);
const guest = new Guest(machine, 1, 16);
const neighbour = new Guest(machine, 2, 4);

test('a shared frame is no table', () => {
  const frame = guest.frame(0);
  expect(guest.direct.shareFrame(frame)).toBe(true);
  expect(guest.uses(frame)).toEqual({ type: TYPE_WRITABLE, typeCount: 1, count: 1 });
  expect(guest.ext(L1, frame)).toBe(-ERRNO.EINVAL);
});

test('a table is not shared, and stays as it is', () => {
  const frame = guest.frame(1);
  expect(guest.ext(L1, frame)).toBe(0);
  const uses = { type: TYPE_L1, typeCount: 1, count: 1 };
  expect(guest.uses(frame)).toEqual(uses);
  expect(guest.direct.shareFrame(frame)).toBe(false);
  expect(guest.uses(frame)).toEqual(uses);
  guest.ext(UNPIN, frame);
  expect(guest.direct.shareFrame(frame)).toBe(true);
});

test('what was a table may still be translated as one: all translations go', () => {
  const frame = guest.frame(2);
  guest.ext(L1, frame);
  const { flushes } = guest.host;
  guest.ext(UNPIN, frame);
  expect(guest.direct.shareFrame(frame)).toBe(true);
  expect(guest.host.flushes).toBeGreaterThan(flushes);
});

test('frames of others, and none', () => {
  for (const frame of [neighbour.frame(0), machine.vmmFrame, 0, machine.size, 2 ** 52]) {
    expect(guest.direct.shareFrame(frame)).toBe(false);
  }
  expect(neighbour.uses(neighbour.frame(0))).toMatchObject({ count: 0 });
});
