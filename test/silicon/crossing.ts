/**
 * Far transfers from 64-bit code to code of 32 and 16 bits, with stacks of both: what selectors.ts and
 * stack.ts leave out, since their selectors are those of 64-bit programs.
 */

import type { Insn } from '../../src/isa/row.ts';
import { LDT_SEGMENTS } from '../vectors/ldt.ts';
import { STACK } from '../vectors/pages.ts';
import { Draft } from './draft.ts';
import { type Encoded, encodeRandomly } from './encode.ts';
import { farTarget, stackSelector } from './legacy-stack.ts';
import { placeMemory, randomFlags } from './operands.ts';
import { addStates, type Groups } from './plan.ts';
import { Rng } from './rng.ts';

/** Operations that can lead from 64-bit code to other code. */
export const CROSSING: ReadonlySet<string> = new Set(['jmpFar', 'callFar', 'retFar', 'iret']);

const CASES = 120;
const ENCODINGS = 10;
const RSP = 4;

/** All inputs for one operation. AMD processors ignore REX.W on far jumps and calls. */
export function planCrossing(all: readonly Insn[]): Groups {
  const groups: Groups = new Map();
  const rows = all.filter(
    ({ uop, encoding }) => encoding.operandSize !== 64 || !/^(jmp|call)/.test(uop),
  );
  const states = Math.ceil(CASES / (rows.length * ENCODINGS));
  for (const row of rows) {
    const rng = new Rng(`crossing ${row.mnemonic} ${row.operandText} ${row.opcodeText}`);
    for (let i = 0; i < ENCODINGS; i++) {
      const memory = row.operands.some(({ kind }) => kind === 'far');
      const number = (): bigint => BigInt(rng.below(0x40));
      const encoded = encodeRandomly(row, rng, { bits: 64, memory, number });
      addStates(groups, encoded, states, crossingState, rng);
    }
  }
  return groups;
}

function crossingState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), 64, true);
  const bits = encoded.row.encoding.operandSize ?? 32;
  const { selector, offset } = farTarget(Math.min(bits, 32), rng);
  const top = STACK + 0x900n;
  draft.setGpr(RSP, top);
  if (encoded.row.operands.some(({ kind }) => kind === 'far')) {
    const at = placeMemory(draft, encoded, rng)!;
    draft.store(at, bits + 16, (selector << BigInt(bits)) | offset);
    return draft;
  }
  const slots = [offset, selector];
  if (encoded.row.uop === 'iret') {
    slots.push(randomFlags(rng), rng.operand(bits), presentStack(rng));
  }
  slots.forEach((slot, n) => {
    draft.store(top + BigInt((bits / 8) * n), bits, BigInt.asUintN(bits, slot));
  });
  return draft;
}

/** Intel's processors raise #NP for a stack that is not present, AMD's #SS. */
function presentStack(rng: Rng): bigint {
  const selector = stackSelector(rng);
  return selector === LDT_SEGMENTS.absent.selector ? LDT_SEGMENTS.stack16.selector : selector;
}
