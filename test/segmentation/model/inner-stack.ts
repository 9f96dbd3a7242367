/** The stack for an inner privilege level, from the TSS (SDM 3A 5.8.5 Stack Switching, 7.7 for 64-bit mode). */

import {
  type Descriptor,
  isWritable,
  loadNull,
  loadSegment,
  readDescriptor,
  segmentOf,
} from './descriptor.ts';
import { type Stack, setPointer } from './stack.ts';
import { check, isNull, RSP, rpl, SS, type State, TS } from './state.ts';

export interface InnerStack {
  readonly stack: Stack;
  readonly selector: number;
  /** Undefined in IA-32e mode, where SS becomes null. */
  readonly descriptor: Descriptor | undefined;
}

/** The stack of `level`; in IA-32e mode `ist` other than 0 takes one of the interrupt stack table. */
export function innerStack(state: State, level: number, ist = 0): InnerStack {
  if (state.isLong) {
    const pointer = tssField(state, ist > 0 ? 28 + 8 * ist : 4 + 8 * level, 8);
    return { stack: { segment: undefined, pointer }, selector: level, descriptor: undefined };
  }
  const [place, size] = state.segments.tr.access & 8 ? [4 + 8 * level, 4] : [2 + 4 * level, 2];
  const fields = tssField(state, place, size + 2);
  const selector = Number(fields >> BigInt(8 * size));
  const descriptor = stackDescriptor(state, selector, level);
  const segment = segmentOf(descriptor, selector);
  const pointer = BigInt.asUintN(8 * size, fields);
  return { stack: { segment, pointer }, selector, descriptor };
}

function tssField(state: State, offset: number, size: number): bigint {
  const { base, limit, selector } = state.segments.tr;
  check(offset + size - 1 <= limit, TS, selector, 'stack beyond the TSS');
  return state.memory.read(base + BigInt(offset), size);
}

function stackDescriptor(state: State, selector: number, level: number): Descriptor {
  check(!isNull(selector), TS, 0, 'null stack in the TSS');
  const found = readDescriptor(state, selector);
  check(found !== undefined, TS, selector, 'stack beyond the table');
  const d = found as Descriptor;
  check(rpl(selector) === level, TS, selector, 'RPL of the inner stack');
  check(d.dpl === level, TS, selector, 'DPL of the inner stack');
  check(isWritable(d), TS, selector, 'inner stack not writable');
  check(d.isPresent, SS, selector, 'inner stack not present');
  return d;
}

/** Loads SS and RSP, or the stack pointer that the new SS has. */
export function switchStack(state: State, { stack, selector, descriptor }: InnerStack): void {
  if (descriptor) {
    loadSegment(state, 'ss', descriptor, selector);
    setPointer(state, stack.pointer);
  } else {
    loadNull(state, 'ss', selector);
    state.gpr[RSP] = stack.pointer;
  }
}
