/** Far RET (SDM 2B RET). */

import { checkOffset, enter, type OperandSize } from './code-target.ts';
import { dropInnerSegments, loadCaller, returnCaller, returnCode } from './return-target.ts';
import { currentStack, move, peek } from './stack.ts';
import { RSP, rpl, SS, type State } from './state.ts';

/** `release` are the bytes of parameters to be freed. */
export function farReturn(state: State, size: OperandSize, release: number): string {
  const stack = currentStack(state);
  const selector = Number(peek(state, stack, size, size) & 0xffffn);
  const offset = peek(state, stack, 0, size);
  const code = returnCode(state, selector);
  const level = rpl(selector);
  if (level === state.cpl) {
    const rip = checkOffset(state, code, offset, size);
    move(stack, 2 * size + release);
    state.gpr[RSP] = stack.pointer;
    enter(state, code, selector, level, rip);
    return 'same level';
  }
  const frame = { offset, size, at: 2 * size + release };
  const caller = returnCaller(state, code, level, frame, SS);
  enter(state, code, selector, level, caller.rip);
  loadCaller(state, { ...caller, pointer: caller.pointer + BigInt(release) });
  return dropInnerSegments(state) ? 'outer level, segments dropped' : 'outer level';
}
