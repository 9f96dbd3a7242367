/** One case: an operation in a scene, run by the processor and by the model. */

import { expect } from 'vitest';
import { type End, type Machine, show } from './machine.ts';
import { Absent, Fault, type State } from './model/state.ts';
import type { Operation } from './operations.ts';
import { type Scene, stage } from './scenes.ts';

/** What the model says of an operation: what it did, or why it did nothing. */
interface Verdict extends End {
  readonly name: string;
  /** Another fault that is as right. */
  readonly or?: Verdict;
}

const FAULT_NAMES: Readonly<Record<number, string>> = {
  10: '#TS',
  11: '#NP',
  12: '#SS',
  13: '#GP',
};

function judge(state: State, operation: Operation): Verdict {
  try {
    return { name: operation.run(state) };
  } catch (end) {
    if (end instanceof Absent) return { name: `absent: ${end.why}`, isAbsent: true };
    if (!(end instanceof Fault)) throw end;
    return judgeFault(end);
  }
}

function judgeFault({ vector, error, why, or }: Fault): Verdict {
  const name = `${FAULT_NAMES[vector]}: ${why}`;
  return { name, fault: [vector, error], ...(or ? { or: judgeFault(or) } : {}) };
}

const isSameFault = (a: End, b: End): boolean => `${a.fault}` === `${b.fault}`;

/** Expects that both agree, and gives the model's name for what happened. */
export function check(machine: Machine, scene: Scene, operation: Operation): string {
  const state = machine.begin(stage(scene, operation));
  const { or, ...verdict } = judge(state, operation);
  const actual = machine.run();
  const { name, ...end } = or && isSameFault(or, actual) ? or : verdict;
  expect({ ...actual, name }).toEqual({ ...end, name });
  if (end.fault === undefined && end.isAbsent === undefined) {
    expect({ ...machine.actualState(state.isLong), name }).toEqual({ ...show(state), name });
  }
  const difference = machine.memoryDifference();
  if (difference !== undefined) expect(difference, name).toBe('');
  return name;
}
