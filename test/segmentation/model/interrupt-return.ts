/** IRET, IRETD and IRETQ (SDM 2A IRET). */

import { checkOffset, enter, type OperandSize } from './code-target.ts';
import { dropInnerSegments, loadCaller, returnCaller, returnCode } from './return-target.ts';
import { currentStack, move, peek } from './stack.ts';
import { Absent, check, GP, is64Bit, NP, RSP, rpl, type State } from './state.ts';
import { previousTask } from './task.ts';

const IF = 1n << 9n;
const IOPL = 3n << 12n;
const NT = 1n << 14n;
const VM = 1n << 17n;
/** CF, PF, AF, ZF, SF, TF, DF, OF, NT. */
const ALWAYS = 0x4dd5n;
/** RF, AC, ID. */
const WIDE = 0x250000n;
const VIF_VIP = 0x180000n;

export function interruptReturn(state: State, size: OperandSize): string {
  if ((state.rflags & NT) !== 0n) {
    check(!state.isLong, GP, 0, 'NT in IA-32e mode');
    previousTask(state);
  }
  const stack = currentStack(state);
  const offset = peek(state, stack, 0, size);
  const selector = Number(peek(state, stack, size, size) & 0xffffn);
  const image = peek(state, stack, 2 * size, size);
  if (!state.isLong && (image & VM) !== 0n && state.cpl === 0)
    throw new Absent('virtual-8086 mode');
  const code = returnCode(state, selector);
  const level = rpl(selector);
  const mask = changed(state, size);
  const isOuter = level > state.cpl;
  if (!isOuter && !is64Bit(state)) {
    const rip = checkOffset(state, code, offset, size);
    move(stack, 3 * size);
    state.gpr[RSP] = stack.pointer;
    enter(state, code, selector, level, rip);
    state.rflags = (state.rflags & ~mask) | (image & mask);
    return 'same level';
  }
  // The list of exceptions of IRET has #NP for a stack that is not present, that of RET #SS.
  const caller = returnCaller(state, code, level, { offset, size, at: 3 * size }, NP);
  enter(state, code, selector, level, caller.rip);
  loadCaller(state, caller);
  state.rflags = (state.rflags & ~mask) | (image & mask);
  if (!isOuter) return caller.stack ? 'same level with stack' : 'same level with null stack';
  return dropInnerSegments(state) ? 'outer level, segments dropped' : 'outer level';
}

/** Flags that the image replaces. */
function changed(state: State, size: OperandSize): bigint {
  const iopl = Number((state.rflags & IOPL) >> 12n);
  let mask = ALWAYS;
  if (size > 2) mask |= WIDE;
  if (state.cpl <= iopl) mask |= IF;
  if (state.cpl === 0) mask |= size > 2 ? IOPL | VIF_VIP : IOPL;
  return mask;
}
