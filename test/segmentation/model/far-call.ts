/** Far CALL (SDM 2A CALL): to code, and through call gates to the same or an inner privilege level. */

import { type CallGate, checkGateCode, systemTarget } from './call-gate.ts';
import {
  checkDirect,
  checkOffset,
  enter,
  type OperandSize,
  targetDescriptor,
} from './code-target.ts';
import { isCode, isConforming } from './descriptor.ts';
import { innerStack, switchStack } from './inner-stack.ts';
import { checkRoom, currentStack, peek, push, type Stack } from './stack.ts';
import { check, GP, LOW32, RSP, type State } from './state.ts';

export function farCall(state: State, selector: number, offset: bigint, size: OperandSize): string {
  const d = targetDescriptor(state, selector);
  if (!isCode(d)) return throughGate(state, systemTarget(state, d, selector));
  checkDirect(state, d, selector);
  const stack = currentStack(state);
  checkRoom(stack, 2, size);
  // Of CALL alone the pseudo code says that an offset into compatibility mode is cut to 32 bits.
  const cut = state.isLong && d.isLong ? offset : offset & LOW32;
  const rip = checkOffset(state, d, cut, size);
  pushReturn(state, stack, size);
  state.gpr[RSP] = stack.pointer;
  enter(state, d, selector, state.cpl, rip);
  return isConforming(d) ? 'conforming code' : 'code';
}

function throughGate(state: State, gate: CallGate): string {
  const { code } = gate;
  check(code.dpl <= state.cpl, GP, gate.selector, 'DPL of the code behind the gate');
  checkGateCode(state, gate);
  return isConforming(code) || code.dpl === state.cpl
    ? samePrivilege(state, gate)
    : morePrivilege(state, gate);
}

/** A gate of IA-32e mode pushes as the 64-bit code does that it leads to, also in compatibility mode. */
function samePrivilege(state: State, gate: CallGate): string {
  const { code, size, selector, offset } = gate;
  const current = currentStack(state);
  const stack = state.isLong ? { ...current, segment: undefined } : current;
  checkRoom(stack, 2, size);
  const rip = checkOffset(state, code, offset, size);
  pushReturn(state, stack, size);
  state.gpr[RSP] = stack.pointer;
  enter(state, code, selector, state.cpl, rip);
  return `gate of ${size} bytes`;
}

function morePrivilege(state: State, gate: CallGate): string {
  const { code, size, selector, offset, count } = gate;
  const outer = currentStack(state);
  const inner = innerStack(state, code.dpl);
  const { stack } = inner;
  checkRoom(stack, 4 + count, size, inner.selector);
  const rip = checkOffset(state, code, offset, size);
  const parameters = Array.from({ length: count }, (_, n) => peek(state, outer, n * size, size));
  push(state, stack, size, BigInt(state.segments.ss.selector));
  push(state, stack, size, outer.pointer);
  for (const parameter of parameters.reverse()) push(state, stack, size, parameter);
  pushReturn(state, stack, size);
  switchStack(state, inner);
  enter(state, code, selector, code.dpl, rip);
  return `inner gate of ${size} bytes${count > 0 ? ' with parameters' : ''}`;
}

function pushReturn(state: State, stack: Stack, size: OperandSize): void {
  push(state, stack, size, BigInt(state.segments.cs.selector));
  push(state, stack, size, state.rip);
}
