/**
 * Cases outside 64-bit mode: what plan.ts is for 64-bit code. Each operation gets its cases in 32-bit code,
 * and a few in 16-bit code.
 */

import type { Insn, Operand } from '../../src/isa/row.ts';
import type { Draft } from './draft.ts';
import { canBeMemory, canBeRegister, encodeRandomly, type Wanted } from './encode.ts';
import { genericState, immediateValue } from './generic.ts';
import { legacyStackAddress } from './legacy-address.ts';
import { fixStackPointer } from './legacy-segment.ts';
import * as stack from './legacy-stack.ts';
import { legacyStringPrefixes, legacyStringState } from './legacy-string.ts';
import { addStates, type Groups, isHostCall, SKIPPED, type StateMaker } from './plan.ts';
import { Rng } from './rng.ts';

/** Cases of an operation in 32-bit and in 16-bit code, and the encodings that share them. */
const CASES = { 32: 240, 16: 24 } as const;
const ENCODINGS = { 32: 44, 16: 8 } as const;

export function isCapturedLegacy(row: Insn): boolean {
  const undefinedResult = row.mnemonic === 'bswap' && row.encoding.operandSize === 16;
  // AMD processors refuse the register forms of 0F 0D, Intel's take them as NOP.
  const isPrefetch = row.encoding.map === '0F' && row.encoding.opcode === 0x0d;
  const known = !row.alias && !SKIPPED.has(row.mnemonic) && !undefinedResult && !isPrefetch;
  return known && row.modes !== 'long64' && row.encoding.operandSize !== 64;
}

const BY_UOP: Record<string, StateMaker> = {
  push: stack.pushState,
  pop: stack.popState,
  pusha: stack.pushState,
  popa: stack.popState,
  pushf: stack.pushState,
  popf: stack.popfState,
  enter: stack.enterState,
  leave: stack.leaveState,
  jmpIndirect: stack.indirectState,
  callIndirect: stack.indirectState,
  ret: stack.retState,
  jmpFar: stack.farState,
  callFar: stack.farState,
  retFar: stack.retfState,
  iret: stack.iretState,
  movFromSreg: stack.selectorState,
  movToSreg: stack.selectorState,
  lar: stack.selectorState,
  lsl: stack.selectorState,
  verr: stack.selectorState,
  verw: stack.selectorState,
  arpl: stack.selectorState,
  pushSreg: stack.stackSelectorState,
  popSreg: stack.stackSelectorState,
  lss: stack.farPointerState,
  lfs: stack.farPointerState,
  lgs: stack.farPointerState,
  les: stack.farPointerState,
  lds: stack.farPointerState,
  bound: stack.boundState,
  movs: legacyStringState,
  cmps: legacyStringState,
  stos: legacyStringState,
  lods: legacyStringState,
  scas: legacyStringState,
  ins: legacyStringState,
  outs: legacyStringState,
};

function stateMaker(row: Insn): StateMaker {
  if (row.operands[0]?.kind === 'rel') return stack.relativeState;
  return BY_UOP[row.uop] ?? genericState;
}

/** All inputs for one operation of a mnemonic in code of `bits`. */
export function planLegacyOperation(rows: readonly Insn[], bits: 32 | 16): Groups {
  const groups: Groups = new Map();
  const encodings = Math.max(2, Math.ceil(ENCODINGS[bits] / rows.length));
  const varied = rows.some(
    ({ operands, rep }) =>
      rep || operands.some((operand) => operand.bits && operand.slot !== 'imm'),
  );
  const wanted = varied ? CASES[bits] : 2 * CASES[bits];
  const states = Math.max(2, Math.ceil(wanted / (rows.length * encodings)));
  for (const row of rows) {
    const rng = new Rng(`${bits} ${row.mnemonic} ${row.operandText} ${row.opcodeText}`);
    for (let i = 0; i < encodings; i++) {
      const encoded = encodeRandomly(row, rng, wantedEncoding(row, i, bits, rng));
      if (encoded.bytes.length > 15 || isHostCall(encoded)) continue;
      addStates(groups, encoded, states, stateMaker(row), rng);
    }
  }
  return groups;
}

/** One case of a row, for fuzzing. */
export function planLegacyRandomly(row: Insn, bits: 32 | 16, rng: Rng): Draft {
  const encoded = encodeRandomly(row, rng, wantedEncoding(row, rng.below(36), bits, rng));
  const draft = stateMaker(row)(encoded, rng);
  fixStackPointer(draft);
  return draft;
}

function wantedEncoding(row: Insn, i: number, bits: 32 | 16, rng: Rng): Wanted {
  const memory = canBeMemory(row) && (!canBeRegister(row) || i % 2 === 1);
  const misuses = !/^ver[rw]$|^mov(To|From)Cr$/.test(row.uop) && i % 18 === 17;
  const lock = row.lock && memory ? i % 4 === 3 : misuses;
  const onStack = /^(push|pop|callIndirect)$/.test(row.uop) && i % 6 === 5;
  const wanted: Wanted = {
    bits,
    memory,
    lock,
    prefixes: extraPrefixes(row, memory, rng),
    number: (operand, random) => numberFor(row, operand, random),
  };
  return onStack ? { ...wanted, address: (random) => legacyStackAddress(random, bits) } : wanted;
}

function numberFor(row: Insn, operand: Operand, rng: Rng): bigint {
  const size = row.operands.find(({ bits }) => bits !== 0)?.bits ?? 32;
  if (operand.kind === 'rel') return stack.legacyDisplacement(operand.bits, lengthOf(row), rng);
  if (operand.kind === 'far') {
    const { selector, offset } = stack.farTarget(operand.bits - 16, rng);
    return (selector << BigInt(operand.bits - 16)) | offset;
  }
  if (row.uop === 'enter' && operand.bits === 16)
    return BigInt(rng.below(rng.chance(80) ? 0x80 : 0x1000));
  if (row.uop === 'enter') return BigInt(rng.chance(50) ? rng.below(3) : rng.below(40));
  if (/^ret/.test(row.uop)) return BigInt(rng.below(0x100));
  if (/^aa[dm]$/.test(row.uop)) return rng.pick([10n, 10n, 0n, 16n, rng.bits(8)]);
  return immediateValue(row.mnemonic, operand.bits, size, rng);
}

/** Bytes of a branch up to the end of its displacement, without prefixes. */
function lengthOf(row: Insn): number {
  return (row.encoding.map === '' ? 1 : 2) + (row.operands[0]?.bits ?? 0) / 8;
}

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Prefixes that must not change anything, and those that string instructions and branches know. */
function extraPrefixes(row: Insn, memory: boolean, rng: Rng): number[] {
  if (row.rep) return legacyStringPrefixes(rng);
  if (row.encoding.vex) return rng.chance(4) ? [rng.pick([0x66, 0xf2, 0xf3])] : [];
  if (/^loop/.test(row.uop)) return rng.chance(30) ? [0x67] : rng.chance(20) ? [0x66] : [];
  if (row.operands.some(({ kind }) => kind === 'moffs')) return rng.pick([[], [], [0x67], [0x64]]);
  if (row.uop === 'xlatb') return rng.pick([[], [], [0x67], [0x64]]);
  const sized = row.encoding.operandSize !== undefined;
  const takes66 = /^(j|push|pop|enter|leave)/.test(row.uop) && row.uop !== 'jrcxz';
  if (!sized && takes66 && rng.chance(25)) return [0x66];
  if (row.operands.length === 0 && rng.chance(60)) return [rng.pick([...SEGMENT_PREFIXES, 0x67])];
  if (!memory && row.operands.every(({ kind }) => kind === 'gpr') && rng.chance(5))
    return [rng.pick(SEGMENT_PREFIXES)];
  return [];
}
