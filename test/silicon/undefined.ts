/**
 * What the manual leaves undefined in the outcome of an instruction (SDM 2A-2D, "Flags Affected"),
 * and is therefore not compared. Shifts depend on their count, so this reads the case, not the row.
 */

import type { Insn } from '../../src/isa/row.ts';
import type { CaseInput, Outcome } from '../vectors/format.ts';
import { flagBits } from '../vectors/format.ts';

export interface Undefined {
  readonly flags: bigint;
  /** The result itself is undefined: the case is of no use. */
  readonly result: boolean;
}

const NOTHING: Undefined = { flags: 0n, result: false };

// biome-ignore format: instructions of one family on a line.
const FIXED: Record<string, string> = {
  and: 'a', or: 'a', xor: 'a', test: 'a',
  mul: 'szap', imul: 'szap', div: 'oszapc', idiv: 'oszapc',
  bsf: 'osapc', bsr: 'osapc', bt: 'osap', bts: 'osap', btr: 'osap', btc: 'osap',
  tzcnt: 'osap', lzcnt: 'osap',
  daa: 'o', das: 'o', aaa: 'oszp', aas: 'oszp', aam: 'oac', aad: 'oac',
  andn: 'ap', bextr: 'sap', blsi: 'ap', blsmsk: 'ap', blsr: 'ap', bzhi: 'ap',
};

export function undefinedParts(row: Insn, input: CaseInput, outcome: Outcome): Undefined {
  // A repeated comparison that is interrupted: Intel's processors set the flags at its end, AMD's on the way.
  if (outcome.trap && row.rep === 'repz') return { ...NOTHING, flags: flagBits('oszapc') };
  if (outcome.trap && outcome.trap.name !== '#DB') return NOTHING;
  const fixed = FIXED[row.mnemonic];
  if (fixed !== undefined) return { ...NOTHING, flags: flagBits(fixed) };
  if (/^(sh[lr]|sal|sar|ro[lr]|rc[lr]|shld|shrd)$/.test(row.mnemonic)) return shift(row, input);
  return NOTHING;
}

function shift(row: Insn, input: CaseInput): Undefined {
  const size = row.operands[0]!.bits;
  const raw = countOf(row, input);
  const count = raw & (size === 64 ? 63 : 31);
  if (count === 0) return NOTHING;
  const overflow = count === 1 ? '' : 'o';
  if (/^r/.test(row.mnemonic)) return { ...NOTHING, flags: flagBits(overflow) };
  if (/d$/.test(row.mnemonic)) {
    if (count > size) return { flags: 0n, result: true };
    return { ...NOTHING, flags: flagBits(`a${overflow}`) };
  }
  const carry = row.mnemonic !== 'sar' && count >= size ? 'c' : '';
  return { ...NOTHING, flags: flagBits(`a${overflow}${carry}`) };
}

function countOf(row: Insn, input: CaseInput): number {
  const last = row.operands.at(-1)!;
  if (last.kind === 'one') return 1;
  if (last.text === 'cl') return Number(input.regs.rcx! & 0xffn);
  return Number.parseInt(input.code.slice(-2), 16);
}
