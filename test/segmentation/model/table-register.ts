/** LLDT and LTR (SDM 2A LLDT, LTR). */

import {
  baseOf,
  type Descriptor,
  hasZeroUpperType,
  loadNull,
  readDescriptor,
  segmentOf,
} from './descriptor.ts';
import { check, GP, isCanonical, isNull, NP, type State } from './state.ts';

const LDT = 2;
const BUSY = 2;

export function loadLdtr(state: State, selector: number): string {
  check(state.cpl === 0, GP, 0, 'CPL');
  if (isNull(selector)) {
    loadNull(state, 'ldtr', selector);
    return 'null';
  }
  const d = systemDescriptor(state, selector, [LDT]);
  state.segments.ldtr = segmentOf(d, selector);
  return 'loaded';
}

export function loadTr(state: State, selector: number): string {
  check(state.cpl === 0, GP, 0, 'CPL');
  check(!isNull(selector), GP, 0, 'null');
  const d = systemDescriptor(state, selector, state.isLong ? [9] : [1, 9]);
  const tss = segmentOf(d, selector);
  state.segments.tr = { ...tss, access: tss.access | BUSY };
  const place = d.address + 5n;
  state.memory.write(place, 1, state.memory.read(place, 1) | BigInt(BUSY));
  return 'loaded';
}

function systemDescriptor(state: State, selector: number, types: readonly number[]): Descriptor {
  check((selector & 4) === 0, GP, selector, 'not in the GDT');
  const found = readDescriptor(state, selector, state.isLong ? 16 : 8);
  check(found !== undefined, GP, selector, 'beyond the table');
  const d = found as Descriptor;
  check(d.isSystem && types.includes(d.type), GP, selector, 'type');
  check(!state.isLong || hasZeroUpperType(d), GP, selector, 'upper type');
  check(d.isPresent, NP, selector, 'not present');
  check(isCanonical(baseOf(d)), GP, selector, 'base not canonical');
  return d;
}
