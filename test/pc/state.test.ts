/**
 * Saved state: a PC that is saved and restored at a thousand random instruction boundaries does what it does when
 * left alone: the same output, the same end, the same registers, memory, devices and exceptions. (What the TLB counts depends
 * on where a run was interrupted: an instruction that runs alone is looked up anew.)
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { StateError } from '../../src/base/state.ts';
import { dumpRegisters } from '../../src/explain/registers.ts';
import { loadImage } from '../../src/image/load.ts';
import { readCounters } from '../../src/machine/counters.ts';
import { FEATURE_NAMES } from '../../src/machine/features.ts';
import type { RunEnd } from '../../src/machine/machine.ts';
import { readGuest } from '../../src/node/guest-file.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Pc } from '../../src/pc/pc.ts';

const module = loadProcessorModule();
const GUESTS = fileURLToPath(new URL('../../guests', import.meta.url));
const POINTS = 1000;
const RAM_BYTES = 2 * 2 ** 20;
/** What uses timers, interrupt controllers, the UART, paging, breakpoints, string instructions, user mode. */
const NAMES =
  'interrupts check-pit check-uart check-apic check-debug check-string check-pcid paging user'.split(
    ' ',
  );

/** Pseudo-random numbers below `bound`. */
function randoms(seed: number): (bound: number) => number {
  let state = BigInt(seed);
  return (bound) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 33n) % BigInt(bound));
  };
}

/** Runs until `limit` instructions, feeding COM1 from `input`. */
function run(pc: Pc, input: number[]): RunEnd {
  for (;;) {
    const end = pc.machine.run();
    if (end.kind !== 'input') return end;
    pc.com1.supply(input.shift());
  }
}

/** All that a guest or a host can see of a PC. */
function appearance(pc: Pc): unknown {
  const { machine, ...devices } = pc.save();
  return {
    registers: dumpRegisters(pc.machine.processor),
    time: pc.machine.clock.now(),
    instructions: pc.machine.instructions,
    ram: Buffer.from(machine.processor.ram),
    exceptions: readCounters(pc.machine.processor.view).exceptions,
    devices,
  };
}

function start(name: string, sink: number[], maxInstructions?: number): Pc {
  const pc = new Pc(module, {
    ramBytes: RAM_BYTES,
    features: new Set(FEATURE_NAMES),
    com1: (byte) => sink.push(byte),
    ...(maxInstructions === undefined ? {} : { maxInstructions }),
  });
  loadImage(pc.machine, readGuest(join(GUESTS, name, 'main.asm')).image);
  pc.com1.openInput();
  return pc;
}

function inputOf(name: string): number[] {
  const path = join(GUESTS, name, 'input.txt');
  return existsSync(path) ? [...readFileSync(path)] : [];
}

describe('restored at random instructions', () => {
  test.each(NAMES)(
    '%s',
    (name) => {
      const alone: number[] = [];
      const reference = start(name, alone);
      const end = run(reference, inputOf(name));

      const random = randoms(name.length);
      const total = Number(reference.machine.instructions);
      const count = Math.ceil(POINTS / NAMES.length);
      const points = Array.from({ length: count }, () => 1 + random(total - 1)).sort(
        (a, b) => a - b,
      );
      const sink: number[] = [];
      const com1 = (byte: number): number => sink.push(byte);
      const input = inputOf(name);
      let pc = start(name, sink, points[0]);
      points.forEach((_, n) => {
        expect(run(pc, input)).toEqual({ kind: 'limit' });
        const next = points[n + 1];
        const limit = next === undefined ? {} : { maxInstructions: next };
        pc = Pc.restore(module, { com1, ...limit }, pc.save());
      });
      expect(run(pc, input)).toEqual(end);
      expect(Buffer.from(sink).toString('latin1')).toBe(Buffer.from(alone).toString('latin1'));
      expect(appearance(pc)).toEqual(appearance(reference));
    },
    600_000,
  );
});

test('a saved PC is not touched by what runs on', () => {
  const sink: number[] = [];
  const pc = start('interrupts', sink, 5000);
  run(pc, []);
  const state = pc.save();
  const copy = structuredClone(state);
  run(Pc.restore(module, {}, state), inputOf('interrupts'));
  expect(state).toEqual(copy);
});

test('a state of another version is refused', () => {
  const state = start('hello', []).save();
  expect(() => Pc.restore(module, {}, { ...state, version: 99 })).toThrow(StateError);
  const machine = { ...state.machine, version: 99 };
  expect(() => Pc.restore(module, {}, { ...state, machine })).toThrow(/the machine has version 99/);
});
