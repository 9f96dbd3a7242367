/** Loads of DS, ES, FS, GS and SS (SDM 2B MOV, POP; SDM 2A LDS/LES/LFS/LGS/LSS; SDM 3A 5.6, 5.7). */

import {
  type Descriptor,
  isCode,
  isConforming,
  isReadable,
  isWritable,
  loadNull,
  loadSegment,
  readDescriptor,
} from './descriptor.ts';
import { check, GP, is64Bit, isNull, NP, rpl, SS, type State } from './state.ts';

export type DataRegister = 'es' | 'ss' | 'ds' | 'fs' | 'gs';

export function loadDataRegister(state: State, name: DataRegister, selector: number): string {
  return name === 'ss' ? loadStack(state, selector) : loadData(state, name, selector);
}

function loadData(state: State, name: DataRegister, selector: number): string {
  if (isNull(selector)) {
    loadNull(state, name, selector);
    return 'null';
  }
  const d = inTable(state, selector);
  check(isReadable(d), GP, selector, 'not readable');
  const isOpen = isConforming(d) || (rpl(selector) <= d.dpl && state.cpl <= d.dpl);
  check(isOpen, GP, selector, 'DPL below RPL or CPL');
  check(d.isPresent, NP, selector, 'not present');
  loadSegment(state, name, d, selector);
  return isCode(d) ? 'code' : 'data';
}

function loadStack(state: State, selector: number): string {
  if (isNull(selector)) {
    check(is64Bit(state), GP, 0, 'null stack outside 64-bit mode');
    check(state.cpl < 3, GP, 0, 'null stack at CPL 3');
    check(rpl(selector) === state.cpl, GP, 0, 'null stack of another RPL');
    loadNull(state, 'ss', selector);
    return 'null stack';
  }
  const d = inTable(state, selector);
  check(rpl(selector) === state.cpl, GP, selector, 'RPL of the stack');
  check(isWritable(d), GP, selector, 'stack not writable');
  check(d.dpl === state.cpl, GP, selector, 'DPL of the stack');
  check(d.isPresent, SS, selector, 'stack not present');
  loadSegment(state, 'ss', d, selector);
  return 'stack';
}

function inTable(state: State, selector: number): Descriptor {
  const d = readDescriptor(state, selector);
  check(d !== undefined, GP, selector, 'beyond the table');
  return d as Descriptor;
}
