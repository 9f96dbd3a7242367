/** HYPERVISOR_set_gdt and update_descriptor: which descriptors there may be, and frames that hold them. */

import { beforeEach, describe, expect, test } from 'vitest';
import { checkedDescriptor } from '../../../src/vmm/direct/descriptors.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import { checkCounts } from './invariants.ts';
import { entry, Guest, Machine, P, RW, US } from './rig.ts';
import { Space } from './space.ts';

let machine: Machine;
let space: Space;
let other: Guest;

const halves = (value: bigint): { low: number; high: number } => ({
  low: Number(value & 0xffff_ffffn),
  high: Number(value >> 32n),
});

beforeEach(() => {
  machine = new Machine(64);
  other = new Guest(machine, 2, 4);
  space = new Space(machine, 1).fill().start();
});

describe('a descriptor', () => {
  const good: [string, bigint, bigint][] = [
    ['null', 0n, 0n],
    ['not present', 0x0000_0900_1234_5678n, 0x0000_0900_1234_5678n],
    ['of a segment with DPL 0', 0x00cf_9300_0000_ffffn, 0x00cf_f300_0000_ffffn],
    ['of a segment with DPL 3', 0x00af_fb00_0000_ffffn, 0x00af_fb00_0000_ffffn],
    ['of type 0', 0x0000_8000_ffff_ffffn, 0x0000_8000_ffff_ffffn],
    ['of a call gate', 0x1234_ec00_0010_5678n, 0x1234_8c00_0013_5678n],
    ['of a call gate to the flat kernel segment', 0x0_ec00_e033_0000n, 0x0_8c00_e033_0000n],
  ];
  test.each(good)('%s is as it may be', (_, value, expected) => {
    expect(checkedDescriptor(halves(value))).toEqual(halves(expected));
  });

  const bad: [string, bigint][] = [
    ['of an available TSS', 0x0000_8900_0000_0067n],
    ['of a busy TSS', 0x0000_eb00_0000_0067n],
    ['of an LDT', 0x0000_8200_0000_ffffn],
    ['of an interrupt gate', 0x0000_ee00_0010_0000n],
    ['of a trap gate', 0x0000_ef00_0010_0000n],
    ['of a call gate to Xen’s segments', 0x0000_ec00_e008_0000n],
    ['of a call gate with reserved bits', 0x0000_ec01_0010_0000n],
  ];
  test.each(bad)('%s is refused', (_, value) => {
    expect(checkedDescriptor(halves(value))).toBeUndefined();
    space.poke(space.page(9), 511, value);
    expect(space.direct.descriptors.setGdt([space.page(9)], 1)).toBe(-ERRNO.EINVAL);
    expect(space.direct.descriptors.update(space.page(9) * 4096, halves(value))).toBe(
      -ERRNO.EINVAL,
    );
    checkCounts(space);
  });
});

describe('the GDT', () => {
  test('is set, replaced, and kept from writes', () => {
    const { descriptors } = space.direct;
    expect(descriptors.setGdt([space.page(9), space.page(10)], 513)).toBe(0);
    expect(descriptors.gdt).toEqual({ frames: [space.page(9), space.page(10)], entries: 513 });
    expect(space.uses(space.page(10))).toEqual({ type: 5, typeCount: 1, count: 1 });
    expect(space.set(space.l1, 20, entry(space.page(9), P | RW | US))).toBe(-ERRNO.EBUSY);
    expect(space.set(space.l1, 20, entry(space.page(9), P | US))).toBe(0);
    checkCounts(space);
    expect(descriptors.setGdt([space.page(10)], 1)).toBe(0);
    expect(space.uses(space.page(9)).typeCount).toBe(0);
    expect(descriptors.setGdt([], 0)).toBe(0);
    expect(space.uses(space.page(10)).count).toBe(0);
    checkCounts(space);
  });

  test('of bad frames stays what it was', () => {
    const { descriptors } = space.direct;
    expect(descriptors.setGdt([space.page(9)], 8)).toBe(0);
    for (const frame of [space.page(0), space.l1, other.frame(0), machine.vmmFrame, machine.size]) {
      expect(descriptors.setGdt([space.page(10), frame], 600)).toBe(-ERRNO.EINVAL);
    }
    expect(descriptors.setGdt([space.page(10)], 14 * 512 + 1)).toBe(-ERRNO.EINVAL);
    expect(descriptors.gdt.frames).toEqual([space.page(9)]);
    expect(space.uses(space.page(10)).count).toBe(0);
    checkCounts(space);
  });
});

describe('update_descriptor', () => {
  const code = halves(0x00af_9b00_0000_ffffn);
  const place = (frame: number): number => frame * 4096 + 16;

  test('writes to descriptors, and to what is no table', () => {
    const { descriptors } = space.direct;
    descriptors.setGdt([space.page(9)], 8);
    for (const frame of [space.page(9), space.page(10), space.page(0)]) {
      expect(descriptors.update(place(frame), code)).toBe(0);
      expect(machine.u64(frame, 2)).toBe(0x00af_fb00_0000_ffffn);
    }
    checkCounts(space);
  });

  test('refuses tables, others’ frames, and what is not aligned', () => {
    const { descriptors } = space.direct;
    for (const frame of [space.l1, space.l4, other.frame(0), machine.vmmFrame, machine.size]) {
      expect(descriptors.update(place(frame), code)).toBe(-ERRNO.EINVAL);
    }
    expect(descriptors.update(place(space.page(9)) + 4, code)).toBe(-ERRNO.EINVAL);
  });
});
