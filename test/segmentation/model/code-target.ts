/** Code segments as targets of far transfers: the checks of SDM 2A JMP and CALL, SDM 3A 5.8.1. */

import {
  type Descriptor,
  isConforming,
  limitOf,
  loadSegment,
  readDescriptor,
} from './descriptor.ts';
import { check, GP, isCanonical, isNull, NP, rpl, type State } from './state.ts';

export type OperandSize = 2 | 4 | 8;

/** The descriptor of anything that a far pointer names. */
export function targetDescriptor(state: State, selector: number): Descriptor {
  check(!isNull(selector), GP, 0, 'null');
  const d = readDescriptor(state, selector);
  check(d !== undefined, GP, selector, 'beyond the table');
  return d as Descriptor;
}

/** A code segment that is named directly. */
export function checkDirect(state: State, d: Descriptor, selector: number): void {
  checkLong(state, d, selector);
  if (isConforming(d)) {
    check(d.dpl <= state.cpl, GP, selector, 'DPL of conforming code');
  } else {
    check(rpl(selector) <= state.cpl, GP, selector, 'RPL above CPL');
    check(d.dpl === state.cpl, GP, selector, 'DPL of code');
  }
  check(d.isPresent, NP, selector, 'not present');
}

/** In IA-32e mode L and D together are reserved. */
export function checkLong(state: State, d: Descriptor, selector: number): void {
  check(!(state.isLong && d.isLong && d.isBig), GP, selector, 'L and D');
}

/** The instruction pointer that `offset` gives in segment `d`. */
export function checkOffset(
  state: State,
  d: Descriptor,
  offset: bigint,
  size: OperandSize,
): bigint {
  const cut = size === 2 ? offset & 0xffffn : offset;
  if (state.isLong && d.isLong) {
    check(isCanonical(cut), GP, 0, 'RIP not canonical');
    return cut;
  }
  check(cut <= BigInt(limitOf(d)), GP, 0, 'EIP beyond the limit');
  return cut;
}

/** Goes on in `d` at privilege level `cpl`. */
export function enter(
  state: State,
  d: Descriptor,
  selector: number,
  cpl: number,
  rip: bigint,
): void {
  loadSegment(state, 'cs', d, (selector & 0xfffc) | cpl);
  state.cpl = cpl;
  state.rip = rip;
}
