/** Tasks, up to the switch to one, which this processor does not make (SDM 3A 7.2.3, 7.3). */

import { type Descriptor, readDescriptor } from './descriptor.ts';
import { Absent, check, GP, NP, type State, TS } from './state.ts';

const BUSY = 2;

/** A TSS of 16 or 32 bits, available or busy. */
export const isTaskState = (d: Descriptor): boolean => d.isSystem && (d.type & 5) === 1;

/** To the task whose TSS `selector` names. */
export function task(d: Descriptor, selector: number): never {
  check((d.type & BUSY) === 0, GP, selector, 'busy task');
  check(d.isPresent, NP, selector, 'task not present');
  throw new Absent('a task');
}

/** To the task that a present task gate names. */
export function taskThroughGate(state: State, gate: Descriptor): never {
  const selector = Number((gate.low >> 16n) & 0xffffn);
  check((selector & 4) === 0, GP, selector, 'task gate to the LDT');
  const found = readDescriptor(state, selector);
  check(found !== undefined, GP, selector, 'task gate to beyond the table');
  const d = found as Descriptor;
  check(isTaskState(d), GP, selector, 'task gate not to a task');
  return task(d, selector);
}

/** IRET with NT: back to the task that the TSS names, which must be busy. */
export function previousTask(state: State): never {
  const selector = Number(state.memory.read(state.segments.tr.base, 2));
  check((selector & 4) === 0, TS, selector, 'previous task in the LDT');
  const found = readDescriptor(state, selector);
  check(found !== undefined, TS, selector, 'previous task beyond the table');
  const d = found as Descriptor;
  check(isTaskState(d) && (d.type & BUSY) !== 0, TS, selector, 'previous task not busy');
  check(d.isPresent, NP, selector, 'previous task not present');
  throw new Absent('the previous task');
}
