/** The table of machine to physical frames, larger than one table maps. */

import { expect, test } from 'vitest';
import { FrameTable } from '../../../src/vmm/direct/frame-table.ts';
import { framesOfMachineToPhys, MachineToPhys } from '../../../src/vmm/direct/machine-to-phys.ts';
import { Machine } from './rig.ts';

const FRAMES = 300_000;
const READ_ONLY = 5n;

test('takes frames as told, and is mapped at one address after the other', () => {
  const machine = new Machine(framesOfMachineToPhys(FRAMES));
  const { left } = machine.pool;
  const m2p = new MachineToPhys(machine.memory, machine.pool, FRAMES);
  expect(left - machine.pool.left).toBe(framesOfMachineToPhys(FRAMES));
  const follow = (entry: bigint, n: number): bigint =>
    machine.u64(Number((entry >> 12n) & 0xfffffn), n);
  for (const frame of [0, 1, 511, 512, 262_143, 262_144, 299_999]) {
    m2p.set(frame, BigInt(frame) + 7n);
    const page = Math.floor(frame / 512);
    const l1 = follow(follow(m2p.entry, 0), Math.floor(page / 512));
    const leaf = follow(l1, page % 512);
    expect(leaf & 7n).toBe(READ_ONLY);
    expect(follow(leaf, frame % 512)).toBe(BigInt(frame) + 7n);
    expect(m2p.get(frame)).toBe(BigInt(frame) + 7n);
    m2p.forget(frame);
    expect(m2p.get(frame)).toBe(2n ** 64n - 1n);
  }
});

test('is the VMM’s alone', () => {
  const machine = new Machine(16);
  const frames = new FrameTable(machine.pool, machine.size);
  expect(frames.isOwned(Number((machine.machineToPhys.entry >> 12n) & 0xfffffn), 1)).toBe(false);
});
