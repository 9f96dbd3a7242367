/** What far RET and IRET check of the segments they return to (SDM 2B RET; SDM 2A IRET). */

import { checkLong, checkOffset, type OperandSize, targetDescriptor } from './code-target.ts';
import {
  type Descriptor,
  isCode,
  isConforming,
  isWritable,
  loadNull,
  loadSegment,
  readDescriptor,
} from './descriptor.ts';
import { currentStack, peek, setPointer } from './stack.ts';
import { check, GP, inAnyOrder, isNull, NP, rpl, type State, UNUSABLE } from './state.ts';

export function returnCode(state: State, selector: number): Descriptor {
  const d = targetDescriptor(state, selector);
  check(isCode(d), GP, selector, 'not code');
  checkLong(state, d, selector);
  check(rpl(selector) >= state.cpl, GP, selector, 'RPL below CPL');
  if (isConforming(d)) check(d.dpl <= rpl(selector), GP, selector, 'DPL of conforming code');
  else check(d.dpl === rpl(selector), GP, selector, 'DPL of code');
  check(d.isPresent, NP, selector, 'not present');
  return d;
}

/**
 * The stack segment of a return to `code` at privilege level `level`; undefined for a null selector. `absent` is the
 * vector for one that is not present.
 */
function returnStack(
  state: State,
  selector: number,
  code: Descriptor,
  level: number,
  absent: number,
): Descriptor | undefined {
  if (isNull(selector)) {
    check(state.isLong && code.isLong, GP, 0, 'null stack outside 64-bit mode');
    check(level !== 3, GP, 0, 'null stack at CPL 3');
    check(rpl(selector) === level, GP, 0, 'null stack of another RPL');
    return undefined;
  }
  const found = readDescriptor(state, selector);
  check(found !== undefined, GP, selector, 'stack beyond the table');
  const d = found as Descriptor;
  check(rpl(selector) === level, GP, selector, 'RPL of the stack');
  check(isWritable(d), GP, selector, 'stack not writable');
  check(d.dpl === level, GP, selector, 'DPL of the stack');
  check(d.isPresent, absent, selector, 'stack not present');
  return d;
}

export interface Caller {
  readonly rip: bigint;
  readonly pointer: bigint;
  readonly selector: number;
  readonly stack: Descriptor | undefined;
}

/**
 * What a return goes to that pops SS:RSP too, from the slots at `at`. Editions of the manual differ in whether the
 * target or the stack is looked at first.
 */
export function returnCaller(
  state: State,
  code: Descriptor,
  level: number,
  frame: { readonly offset: bigint; readonly size: OperandSize; readonly at: number },
  absent: number,
): Caller {
  const { offset, size, at } = frame;
  const [rip, rest] = inAnyOrder(
    () => checkOffset(state, code, offset, size),
    () => {
      const stack = currentStack(state);
      const pointer = peek(state, stack, at, size);
      const selector = Number(peek(state, stack, at + size, size) & 0xffffn);
      return { pointer, selector, stack: returnStack(state, selector, code, level, absent) };
    },
  );
  return { rip, ...rest };
}

/** Loads SS and the stack pointer, CS being loaded already. */
export function loadCaller(state: State, { stack, selector, pointer }: Omit<Caller, 'rip'>): void {
  if (stack) loadSegment(state, 'ss', stack, selector);
  else loadNull(state, 'ss', selector);
  setPointer(state, pointer);
}

/** After a return outward: data segments that the new level may not use become null. */
export function dropInnerSegments(state: State): boolean {
  let isDropped = false;
  for (const name of ['es', 'fs', 'gs', 'ds'] as const) {
    const segment = state.segments[name];
    const { access, selector } = segment;
    const isConformingCode = (access & 0x1c) === 0x1c;
    const isInner = ((access >> 5) & 3) < state.cpl && !isConformingCode;
    if (!isNull(selector) && !isInner) continue;
    if (!isNull(selector)) isDropped = true;
    state.segments[name] = { ...segment, selector: 0, access: access | UNUSABLE };
  }
  return isDropped;
}
