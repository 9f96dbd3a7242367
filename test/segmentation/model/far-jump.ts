/** Far JMP (SDM 2A JMP). */

import { checkGateCode, systemTarget } from './call-gate.ts';
import {
  checkDirect,
  checkOffset,
  enter,
  type OperandSize,
  targetDescriptor,
} from './code-target.ts';
import { isCode, isConforming } from './descriptor.ts';
import { check, GP, type State } from './state.ts';

export function farJump(state: State, selector: number, offset: bigint, size: OperandSize): string {
  const d = targetDescriptor(state, selector);
  if (isCode(d)) {
    checkDirect(state, d, selector);
    enter(state, d, selector, state.cpl, checkOffset(state, d, offset, size));
    return isConforming(d) ? 'conforming code' : 'code';
  }
  const gate = systemTarget(state, d, selector);
  const { code } = gate;
  const isOpen = isConforming(code) ? code.dpl <= state.cpl : code.dpl === state.cpl;
  check(isOpen, GP, gate.selector, 'DPL of the code behind the gate');
  checkGateCode(state, gate);
  const rip = checkOffset(state, code, gate.offset, gate.size);
  enter(state, code, gate.selector, state.cpl, rip);
  return `gate of ${gate.size} bytes`;
}
