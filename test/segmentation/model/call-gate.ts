/** Call gates, as far as JMP and CALL agree on them (SDM 2A JMP, CALL; SDM 3A 5.8.3). */

import type { OperandSize } from './code-target.ts';
import { type Descriptor, hasZeroUpperType, isCode, readDescriptor } from './descriptor.ts';
import { check, GP, isNull, NP, rpl, type State } from './state.ts';
import { isTaskState, task, taskThroughGate } from './task.ts';

export interface CallGate {
  /** The code segment that it names. */
  readonly selector: number;
  readonly code: Descriptor;
  readonly offset: bigint;
  readonly size: OperandSize;
  /** Parameters to be copied. */
  readonly count: number;
}

/** What is neither code nor data: a call gate, or a task, which ends in `Absent`. */
export function systemTarget(state: State, d: Descriptor, selector: number): CallGate {
  const isGate = d.isSystem && (d.type === 12 || (!state.isLong && d.type === 4));
  const isTaskGate = d.isSystem && !state.isLong && d.type === 5;
  const isTask = !state.isLong && isTaskState(d);
  check(isGate || isTask || isTaskGate, GP, selector, 'neither code nor gate');
  if (isGate) return callGate(state, d, selector);
  check(d.dpl >= state.cpl && d.dpl >= rpl(selector), GP, selector, 'DPL of the task');
  if (isTask) return task(d, selector);
  check(d.isPresent, NP, selector, 'task gate not present');
  return taskThroughGate(state, d);
}

function callGate(state: State, d: Descriptor, selector: number): CallGate {
  const whole = state.isLong ? readDescriptor(state, selector, 16) : d;
  check(whole !== undefined, GP, selector, 'half a gate');
  const { low, high, type } = whole as Descriptor;
  check(!state.isLong || hasZeroUpperType(whole as Descriptor), GP, selector, 'upper type');
  check(d.dpl >= state.cpl && d.dpl >= rpl(selector), GP, selector, 'DPL of the gate');
  check(d.isPresent, NP, selector, 'gate not present');
  const named = Number((low >> 16n) & 0xffffn);
  check(!isNull(named), GP, 0, 'null in the gate');
  const code = readDescriptor(state, named);
  check(code !== undefined, GP, named, 'gate to beyond the table');
  check(isCode(code as Descriptor), GP, named, 'gate not to code');
  const offset = (low & 0xffffn) | ((low >> 32n) & 0xffff_0000n) | ((high & 0xffff_ffffn) << 32n);
  const size = state.isLong ? 8 : type === 4 ? 2 : 4;
  return {
    selector: named,
    code: code as Descriptor,
    offset,
    size,
    count: state.isLong ? 0 : Number((low >> 32n) & 0x1fn),
  };
}

/** A gate of IA-32e mode leads to 64-bit code only. */
export function checkGateCode(state: State, { code, selector }: CallGate): void {
  check(!state.isLong || (code.isLong && !code.isBig), GP, selector, 'gate not to 64-bit code');
  check(code.isPresent, NP, selector, 'code not present');
}
