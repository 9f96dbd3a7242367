/**
 * Saved state of a VM: one that is saved and restored at random instruction boundaries, by turns under each technique,
 * does what it does when left alone.
 */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { StateError } from '../../src/base/state.ts';
import { dumpRegisters } from '../../src/explain/registers.ts';
import { loadImage } from '../../src/image/load.ts';
import { randomSource } from '../../src/isa/random.ts';
import type { RunEnd } from '../../src/machine/machine.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { FULL_TECHNIQUES } from '../../src/vmm/monitor.ts';
import { VirtualPc, type VirtualPcState } from '../../src/vmm/virtual-pc.ts';
import { guestPath, readGuestNamed } from './lockstep.ts';

const module = loadProcessorModule();
const RAM_BYTES = 2 * 2 ** 20;
const POINTS = 6;
const NAMES = ['check-pcid', 'check-string', 'paging'];

function start(name: string, sink: number[], maxInstructions?: number): VirtualPc {
  const pc = new VirtualPc(module, {
    cpu: 'trap',
    ramBytes: RAM_BYTES,
    com1: (byte) => sink.push(byte),
    ...(maxInstructions !== undefined && { maxInstructions }),
  });
  loadImage(pc.machine, readGuestNamed(name).image);
  pc.com1.openInput();
  return pc;
}

function inputOf(name: string): number[] {
  const path = guestPath(name).replace(/main\.asm$/, 'input.txt');
  return existsSync(path) ? [...readFileSync(path)] : [];
}

function run(pc: VirtualPc, input: number[]): RunEnd {
  for (;;) {
    const end = pc.machine.run();
    if (end.kind !== 'input') return end;
    pc.com1.supply(input.shift());
  }
}

/** Stands for memory that is too large to be compared byte by byte here. */
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** All that a guest can see. */
function appearance(pc: VirtualPc): unknown {
  const { vm, ...devices } = pc.save();
  const registers = dumpRegisters(pc.machine.processor);
  const { instructions, clock } = pc.machine;
  return { registers, instructions, time: clock.now(), ram: digest(vm.ram), devices };
}

test.each(NAMES)('%s restored at random instructions', (name) => {
  const alone: number[] = [];
  const reference = start(name, alone);
  const end = run(reference, inputOf(name));

  const random = randomSource(name.length);
  const total = Number(reference.machine.instructions);
  const points = Array.from({ length: POINTS }, () => 1 + random(total - 1)).sort((a, b) => a - b);
  const sink: number[] = [];
  const com1 = (byte: number): number => sink.push(byte);
  const input = inputOf(name);
  let pc = start(name, sink, points[0]);
  points.forEach((_, n) => {
    expect(run(pc, input)).toEqual({ kind: 'limit' });
    const maxInstructions = points[n + 1] ?? Number.POSITIVE_INFINITY;
    const cpu = FULL_TECHNIQUES[n % FULL_TECHNIQUES.length] ?? 'trap';
    pc = VirtualPc.restore(module, { cpu, com1, maxInstructions }, pc.save());
  });
  expect(run(pc, input)).toEqual(end);
  expect(Buffer.from(sink).toString('latin1')).toBe(Buffer.from(alone).toString('latin1'));
  expect(appearance(pc)).toEqual(appearance(reference));
});

test('a saved VM is not touched by what runs on', () => {
  const pc = start('paging', [], 3000);
  run(pc, []);
  const state = pc.save();
  const plain = ({ vm, ...devices }: VirtualPcState): unknown =>
    structuredClone({ devices, loop: vm.loop, block: digest(vm.block), ram: digest(vm.ram) });
  const before = plain(state);
  run(VirtualPc.restore(module, { cpu: 'interpret' }, state), []);
  expect(plain(state)).toEqual(before);
});

test('a state of another version is refused', () => {
  const state = start('hello', []).save();
  const restore = (bad: VirtualPcState) => () => VirtualPc.restore(module, { cpu: 'trap' }, bad);
  expect(restore({ ...state, version: 99 })).toThrow(StateError);
  expect(restore({ ...state, vm: { ...state.vm, version: 99 } })).toThrow(/a VM has version 99/);
});
