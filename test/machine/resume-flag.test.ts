/**
 * RF lasts until an instruction has come to its end: of a repeated string instruction that is the last iteration
 * (SDM 3B 17.3.1.1), and a fault is no end.
 */

import { describe, expect, it } from 'vitest';
import type { FullTechnique } from '../../src/vmm/monitor.ts';
import { virtualMachine } from '../fuzz/kernel-run.ts';
import { BareMachine, CODE, DATA } from '../fuzz/machine.ts';

const IF = 0x200n;
const RF = 0x10000n;
const RCX = 1;
const RDI = 7;
const REP_STOSB = Uint8Array.of(0xf3, 0xaa, 0x90);
/** A page that is not there, in BareMachine's memory. */
const NOTHING = 0x26000n;
/** Where an event saves the flags: the third from the top of the handlers' stack. */
const SAVED_FLAGS = 0xa000 - 24;

function start(machine: BareMachine, target: bigint): void {
  const { processor, engine } = machine;
  machine.restore(0);
  engine.memory.write(CODE, REP_STOSB);
  processor.view.gpr[RCX] = 3n;
  processor.view.gpr[RDI] = target;
  processor.rflags = 2n | RF;
  processor.stateChanged();
}

/** RF after each of the slices. */
function flagsAfter(machine: BareMachine, slices: readonly number[]): boolean[] {
  return slices.map((fuel) => {
    machine.engine.run(fuel);
    return (machine.processor.rflags & RF) !== 0n;
  });
}

describe.each(['bare', 'trap', 'patch', 'interpret'] as const)('RF under %s', (cpu) => {
  const machine = cpu === 'bare' ? new BareMachine() : virtualMachine(cpu satisfies FullTechnique);

  it('stays between the iterations of a string instruction, and goes with the last', () => {
    start(machine, BigInt(DATA));
    expect(flagsAfter(machine, [1, 1, 1])).toEqual([true, true, false]);
    start(machine, BigInt(DATA));
    expect(flagsAfter(machine, [2, 1])).toEqual([true, false]);
    start(machine, BigInt(DATA));
    expect(flagsAfter(machine, [4])).toEqual([false]);
  });

  it('does not keep a string instruction from overwriting itself', () => {
    start(machine, BigInt(CODE));
    machine.processor.view.gpr[0] = 0x90n;
    // The first iteration makes REP a NOP: then one STOSB is left, with whatever follows.
    machine.engine.run(3);
    const { view } = machine.processor;
    expect([view.u64('RIP'), view.gpr[RCX], view.gpr[RDI]]).toEqual([
      BigInt(CODE + 2),
      2n,
      BigInt(CODE + 2),
    ]);
  });

  it('is in the flags that an interrupt between two iterations saves', () => {
    start(machine, BigInt(DATA));
    const { processor, engine } = machine;
    processor.rflags = 2n | IF;
    engine.run(1);
    processor.setInterruptLine(true);
    engine.run(0);
    processor.setInterruptLine(false);
    expect(engine.memory.readU64(SAVED_FLAGS) & RF).toBe(RF);
    expect(flagsAfter(machine, [0, 1])).toEqual([false, true]);
  });

  it('is in the flags that a fault saves, and not in those of its handler', () => {
    start(machine, NOTHING);
    machine.engine.run(1);
    expect(flagsAfter(machine, [0])).toEqual([false]);
    expect(machine.processor.view.u64('CR2')).toBe(NOTHING);
    expect(machine.engine.memory.readU64(SAVED_FLAGS) & RF).toBe(RF);
  });
});
