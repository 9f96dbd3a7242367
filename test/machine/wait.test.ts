/** What ends the wait of HLT and MWAIT, or keeps it from beginning. */

import { describe, expect, it } from 'vitest';
import { cpuidTable } from '../../src/machine/features.ts';
import { BareMachine, CODE } from '../fuzz/machine.ts';

const TF = 0x100n;
const [HLT, NOP] = [0xf4, 0x90];
const MONITOR = [0x0f, 0x01, 0xc8];
const MWAIT = [0x0f, 0x01, 0xc9];
const INT = [0xcd, 0x80];
const LOOP = [0xeb, 0xfe];
const DR6_BS = 0x4000n;

/** A machine at CPL 0 that is about to run `code`. */
function machineAt(code: readonly number[], rflags = 2n): BareMachine {
  const machine = new BareMachine();
  machine.restore(0);
  const { processor } = machine;
  processor.memory.write(CODE, Uint8Array.from(code));
  processor.view.gpr[0] = BigInt(CODE);
  processor.rflags = rflags;
  processor.stateChanged();
  return machine;
}

/** Where a handler of BareMachine goes on: the next multiple of 16. */
function resumedAt(first: readonly number[], second: readonly number[]): number[] {
  return [...first, ...Array.from({ length: 16 - first.length }, () => NOP), ...second];
}

describe('hlt', () => {
  it('is ended by a single step', () => {
    const { processor } = machineAt(resumedAt([HLT], LOOP), TF | 2n);
    expect(processor.run(100)).toBe('fuel');
    expect(processor.view.u64('DR6') & DR6_BS).toBe(DR6_BS);
  });
});

describe('mwait', () => {
  it('has a line to watch, which CPUID tells', () => {
    const line = (features: string[]) => cpuidTable(new Set(features)).find(([leaf]) => leaf === 5);
    expect(line(['monitor'])).toEqual([5, 0, 64, 64, 0, 0]);
    expect(line([])).toBeUndefined();
  });

  it('waits behind a monitor', () => {
    expect(machineAt([...MONITOR, ...MWAIT]).processor.run(100)).toBe('halt');
  });

  it('does not wait without one', () => {
    expect(machineAt([...MWAIT, ...LOOP]).processor.run(100)).toBe('fuel');
  });

  it('does not wait if an interrupt came between', () => {
    const { processor } = machineAt(resumedAt([...MONITOR, ...INT], [...MWAIT, ...LOOP]));
    expect(processor.run(100)).toBe('fuel');
  });

  it('is ended by a single step', () => {
    const { processor } = machineAt(resumedAt(MWAIT, LOOP), TF | 2n);
    processor.view.setU32('MONITOR_ARMED', 1);
    expect(processor.run(100)).toBe('fuel');
  });
});
