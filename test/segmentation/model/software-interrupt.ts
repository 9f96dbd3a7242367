/** INT n through interrupt and trap gates (SDM 2A INT n; SDM 3A 6.12, 6.14). */

import { checkOffset, enter, type OperandSize } from './code-target.ts';
import {
  type Descriptor,
  descriptorAt,
  isCode,
  isConforming,
  readDescriptor,
} from './descriptor.ts';
import { innerStack, switchStack } from './inner-stack.ts';
import { checkRoom, currentStack, push, type Stack } from './stack.ts';
import { check, Fault, GP, isNull, NP, RSP, type State } from './state.ts';
import { taskThroughGate } from './task.ts';

const IF = 1n << 9n;
/** TF, NT, RF, VM. */
const CLEARED = 0x34100n;

interface InterruptGate {
  readonly selector: number;
  readonly code: Descriptor;
  readonly offset: bigint;
  readonly size: OperandSize;
  readonly ist: number;
  readonly isTrap: boolean;
}

export function softwareInterrupt(state: State, vector: number): string {
  const gate = readGate(state, vector);
  const { code } = gate;
  const isInner = !isConforming(code) && code.dpl < state.cpl;
  const how = state.isLong ? longMode(state, gate, isInner) : legacy(state, gate, isInner);
  state.rflags &= gate.isTrap ? ~CLEARED : ~(CLEARED | IF);
  return `${gate.isTrap ? 'trap' : 'interrupt'} gate of ${gate.size} bytes, ${how}`;
}

function readGate(state: State, vector: number): InterruptGate {
  const size = state.isLong ? 16 : 8;
  const error = vector * 8 + 2;
  const isInside = vector * size + size - 1 <= state.idtr.limit;
  checkGate(isInside, GP, error, 'beyond the IDT');
  const d = descriptorAt(state, state.idtr.base + BigInt(vector * size), size);
  const types = state.isLong ? [14, 15] : [5, 6, 7, 14, 15];
  checkGate(d.isSystem && types.includes(d.type), GP, error, 'gate type');
  checkGate(d.dpl >= state.cpl, GP, error, 'gate DPL');
  checkGate(d.isPresent, NP, error, 'gate not present');
  if (d.type === 5) taskThroughGate(state, d);
  const selector = Number((d.low >> 16n) & 0xffffn);
  const isWide = (d.type & 8) !== 0;
  const middle = isWide ? (d.low >> 32n) & 0xffff_0000n : 0n;
  return {
    selector,
    code: gateCode(state, selector),
    offset: (d.low & 0xffffn) | middle | ((d.high & 0xffff_ffffn) << 32n),
    size: state.isLong ? 8 : isWide ? 4 : 2,
    ist: state.isLong ? Number((d.low >> 32n) & 7n) : 0,
    isTrap: (d.type & 1) !== 0,
  };
}

/** The error code names the gate: its lowest bits are not those of a selector. */
function checkGate(isRight: boolean, vector: number, error: number, why: string): void {
  if (!isRight) throw new Fault(vector, error, why);
}

function gateCode(state: State, selector: number): Descriptor {
  check(!isNull(selector), GP, 0, 'null in the gate');
  const found = readDescriptor(state, selector);
  check(found !== undefined, GP, selector, 'gate to beyond the table');
  const d = found as Descriptor;
  check(isCode(d), GP, selector, 'gate not to code');
  check(d.dpl <= state.cpl, GP, selector, 'DPL of the code behind the gate');
  check(!state.isLong || (d.isLong && !d.isBig), GP, selector, 'gate not to 64-bit code');
  check(d.isPresent, NP, selector, 'code not present');
  return d;
}

function legacy(state: State, gate: InterruptGate, isInner: boolean): string {
  const { code, selector, offset, size } = gate;
  if (!isInner) {
    const stack = currentStack(state);
    checkRoom(stack, 3, size);
    const rip = checkOffset(state, code, offset, size);
    pushFlagsAndReturn(state, stack, size);
    state.gpr[RSP] = stack.pointer;
    enter(state, code, selector, state.cpl, rip);
    return 'same level';
  }
  const outer = currentStack(state);
  const inner = innerStack(state, code.dpl);
  checkRoom(inner.stack, 5, size, inner.selector);
  const rip = checkOffset(state, code, offset, size);
  push(state, inner.stack, size, BigInt(state.segments.ss.selector));
  push(state, inner.stack, size, outer.pointer);
  pushFlagsAndReturn(state, inner.stack, size);
  switchStack(state, inner);
  enter(state, code, selector, code.dpl, rip);
  return 'inner level';
}

/** IA-32e mode: the stack pointer is aligned and the whole frame is pushed, at the same level too. */
function longMode(state: State, gate: InterruptGate, isInner: boolean): string {
  const { code, selector, offset, size, ist } = gate;
  const level = isInner ? code.dpl : state.cpl;
  const outer = state.gpr[RSP] ?? 0n;
  const isSwitched = isInner || ist > 0;
  const inner = isSwitched ? innerStack(state, level, ist) : undefined;
  const pointer = (inner ? inner.stack.pointer : outer) & ~0xfn;
  const stack: Stack = { segment: undefined, pointer };
  checkRoom(stack, 5, size);
  const rip = checkOffset(state, code, offset, size);
  push(state, stack, size, BigInt(state.segments.ss.selector));
  push(state, stack, size, outer);
  pushFlagsAndReturn(state, stack, size);
  if (isInner && inner) switchStack(state, inner);
  state.gpr[RSP] = stack.pointer;
  enter(state, code, selector, level, rip);
  return `${isInner ? 'inner' : 'same'} level${ist > 0 ? ', IST' : ''}`;
}

function pushFlagsAndReturn(state: State, stack: Stack, size: OperandSize): void {
  push(state, stack, size, state.rflags);
  push(state, stack, size, BigInt(state.segments.cs.selector));
  push(state, stack, size, state.rip);
}
