/** LAR, LSL, VERR and VERW: questions that never fault (SDM 2A LAR, LSL; SDM 2B VERR/VERW). */

import {
  type Descriptor,
  hasZeroUpperType,
  isConforming,
  isReadable,
  isWritable,
  limitOf,
  readDescriptor,
  visibleDescriptor,
} from './descriptor.ts';
import { rpl, type State } from './state.ts';

/** An answer of ZF = 0, with the reason, or the value that goes with ZF = 1. */
export type Answer = { readonly no: string } | { readonly yes: string; readonly value: bigint };

/** System types that LAR and LSL know, outside and in IA-32e mode. */
const LAR_TYPES = { legacy: [1, 2, 3, 4, 5, 9, 11, 12], long: [2, 9, 11, 12] };
const LSL_TYPES = { legacy: [1, 2, 3, 9, 11], long: [2, 9, 11] };

export function loadAccessRights(state: State, selector: number): Answer {
  const found = describe(state, selector, LAR_TYPES);
  if ('no' in found) return found;
  // Bits 19:16 are undefined to the SDM; AMD's manual and processors give those of the descriptor.
  return { yes: kind(found), value: (found.low >> 32n) & 0xff_ff00n };
}

export function loadSegmentLimit(state: State, selector: number): Answer {
  const found = describe(state, selector, LSL_TYPES);
  return 'no' in found ? found : { yes: kind(found), value: BigInt(limitOf(found)) };
}

const kind = (d: Descriptor): string => {
  if (d.isSystem) return 'system';
  return isConforming(d) ? 'conforming' : 'segment';
};

function describe(
  state: State,
  selector: number,
  types: typeof LAR_TYPES,
): Descriptor | { readonly no: string } {
  const d = visibleDescriptor(state, selector);
  if (d === undefined) return { no: 'none' };
  if (d.isSystem) {
    if (!(state.isLong ? types.long : types.legacy).includes(d.type)) return { no: 'type' };
    if (state.isLong) {
      const whole = readDescriptor(state, selector, 16);
      if (whole === undefined) return { no: 'half' };
      if (!hasZeroUpperType(whole)) return { no: 'upper type' };
    }
  }
  return isVisible(state, d, selector) ? d : { no: 'DPL' };
}

const isVisible = (state: State, d: Descriptor, selector: number): boolean =>
  isConforming(d) || (state.cpl <= d.dpl && rpl(selector) <= d.dpl);

export function verify(state: State, selector: number, isForWrite: boolean): Answer {
  const d = visibleDescriptor(state, selector);
  if (d === undefined) return { no: 'none' };
  if (d.isSystem) return { no: 'type' };
  if (!isVisible(state, d, selector)) return { no: 'DPL' };
  const isRight = isForWrite ? isWritable(d) : isReadable(d);
  return isRight ? { yes: kind(d), value: 0n } : { no: 'rights' };
}
