/**
 * Which instructions are captured, how each is encoded and how its states are made: the map from
 * rows of the instruction table to the generators of this folder.
 */

import type { Insn } from '../../src/isa/row.ts';
import type { CaseInput } from '../vectors/format.ts';
import { stackAddress } from './address.ts';
import { type Draft, hex } from './draft.ts';
import { canBeMemory, canBeRegister, type Encoded, encodeRandomly, type Wanted } from './encode.ts';
import { genericState, immediateValue } from './generic.ts';
import { fixStackPointer } from './legacy-segment.ts';
import { Rng } from './rng.ts';
import { baseState, farPointerState, selectorState, stackSelectorState } from './selectors.ts';
import * as stack from './stack.ts';
import { stringPrefixes, stringState } from './strings.ts';

export type StateMaker = (encoded: Encoded, rng: Rng) => Draft;

/** Cases of an operation, and the encodings that share them; a little above the 200 wanted. */
const CASES = 216;
const ENCODINGS = 44;

/**
 * Not comparable: their results are the machine's own (cpuid, rdtsc, random numbers), they enter
 * the kernel, or the kernel emulates them (the UMIP group).
 */
export const SKIPPED: ReadonlySet<string> = new Set(
  'cpuid rdtsc rdtscp rdrand rdseed syscall sysenter sgdt sidt sldt smsw str xgetbv'.split(' '),
);

export function isCaptured(row: Insn): boolean {
  const undefinedResult = row.mnemonic === 'bswap' && row.encoding.operandSize === 16;
  return row.modes !== 'legacy' && !row.alias && !SKIPPED.has(row.mnemonic) && !undefinedResult;
}

const BY_UOP: Record<string, StateMaker> = {
  push: stack.pushState,
  pop: stack.popState,
  pushf: stack.pushState,
  popf: stack.popfState,
  enter: stack.enterState,
  leave: stack.leaveState,
  jmp: stack.relativeState,
  call: stack.relativeState,
  loop: stack.relativeState,
  loope: stack.relativeState,
  loopne: stack.relativeState,
  jrcxz: stack.relativeState,
  jmpIndirect: stack.indirectState,
  callIndirect: stack.indirectState,
  ret: stack.retState,
  jmpFar: stack.farState,
  callFar: stack.farState,
  retFar: stack.retfState,
  iret: stack.iretState,
  movFromSreg: selectorState,
  movToSreg: selectorState,
  lar: selectorState,
  lsl: selectorState,
  verr: selectorState,
  verw: selectorState,
  pushSreg: stackSelectorState,
  popSreg: stackSelectorState,
  lss: farPointerState,
  lfs: farPointerState,
  lgs: farPointerState,
  rdfsbase: baseState,
  rdgsbase: baseState,
  wrfsbase: baseState,
  wrgsbase: baseState,
  movs: stringState,
  cmps: stringState,
  stos: stringState,
  lods: stringState,
  scas: stringState,
  ins: stringState,
  outs: stringState,
};

function stateMaker(row: Insn): StateMaker {
  if (row.operands[0]?.kind === 'rel') return stack.relativeState;
  return BY_UOP[row.uop] ?? genericState;
}

export interface Planned {
  /** Undefined for bytes that are no instruction. */
  readonly row: Insn | undefined;
  readonly input: CaseInput;
}
/** Cases by instruction bytes. */
export type Groups = Map<string, Planned[]>;

/** All inputs for one operation of a mnemonic (near and far jumps are two). */
export function planOperation(rows: readonly Insn[]): Groups {
  const groups: Groups = new Map();
  const encodings = Math.max(3, Math.ceil(ENCODINGS / rows.length));
  // With nothing but flags to vary many cases are alike, and those are written once.
  const varied = rows.some(
    ({ operands, rep }) => rep || operands.some(({ bits, slot }) => bits && slot !== 'imm'),
  );
  const wanted = varied ? CASES : 2 * CASES;
  const states = Math.max(2, Math.ceil(wanted / (rows.length * encodings)));
  for (const row of rows) {
    const rng = new Rng(`${row.mnemonic} ${row.operandText} ${row.opcodeText}`);
    for (let i = 0; i < encodings; i++) {
      const encoded = encodeRandomly(row, rng, wantedEncoding(row, i, rng));
      if (encoded.bytes.length > 15 || isHostCall(encoded)) continue;
      addStates(groups, encoded, states, stateMaker(row), rng);
    }
  }
  return groups;
}

/** One case of a row, for fuzzing. */
export function planRandomly(row: Insn, rng: Rng): Draft {
  const encoded = encodeRandomly(row, rng, wantedEncoding(row, rng.below(36), rng));
  const draft = stateMaker(row)(encoded, rng);
  fixStackPointer(draft);
  return draft;
}

export function addStates(
  groups: Groups,
  encoded: Encoded,
  states: number,
  make: StateMaker,
  rng: Rng,
): void {
  const key = hex(encoded.bytes);
  const planned = groups.get(key) ?? [];
  groups.set(key, planned);
  const misused = encoded.prefixes.includes(0xf0) && !mayLock(encoded);
  for (let s = 0; s < (misused ? 1 : states); s++) {
    const draft = make(encoded, rng);
    fixStackPointer(draft);
    planned.push({ row: encoded.row, input: draft.input });
  }
}

/** INT 0x80 is a system call on the machine that captures. */
export function isHostCall({ row, operands }: Encoded): boolean {
  const [vector] = operands;
  return row.uop === 'int' && vector?.kind === 'number' && vector.value === 0x80n;
}

function mayLock({ row, operands }: Encoded): boolean {
  return row.lock === true && operands[0]?.kind === 'mem';
}

/** Alternates register and memory forms; every ninth encoding carries LOCK, rightly or wrongly. */
function wantedEncoding(row: Insn, i: number, rng: Rng): Wanted {
  const memory = canBeMemory(row) && (!canBeRegister(row) || i % 2 === 1);
  const lock = row.lock && memory ? i % 4 === 3 : i % 18 === 17 || (i === 2 && rng.chance(5));
  const size = row.operands.find(({ bits }) => bits !== 0)?.bits ?? 64;
  const wanted: Wanted = {
    bits: 64,
    memory,
    lock,
    prefixes: extraPrefixes(row, rng),
    number: (operand, random) => {
      if (operand.kind === 'rel') return stack.displacement(operand.bits, lengthOf(row), random);
      if (row.uop === 'enter' && operand.bits === 16)
        return BigInt(random.below(random.chance(80) ? 0x80 : 0x1000));
      if (row.uop === 'enter')
        return BigInt(random.chance(50) ? random.below(3) : random.below(40));
      if (/^ret/.test(row.uop)) return BigInt(random.below(0x100));
      return immediateValue(row.mnemonic, operand.bits, size, random);
    },
  };
  const onStack = /^(push|pop|callIndirect)$/.test(row.uop) && i % 6 === 5;
  return onStack ? { ...wanted, address: (random) => stackAddress(random) } : wanted;
}

/** Bytes of a branch up to the end of its displacement, without prefixes. */
function lengthOf(row: Insn): number {
  return (row.encoding.map === '' ? 1 : 2) + (row.operands[0]?.bits ?? 0) / 8;
}

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Prefixes that must not change anything, and those that string instructions and branches know. */
function extraPrefixes(row: Insn, rng: Rng): number[] {
  if (row.rep) return stringPrefixes(rng);
  if (row.encoding.vex) return rng.chance(4) ? [rng.pick([0x66, 0xf2, 0xf3])] : [];
  if (/^loop/.test(row.uop) || row.uop === 'jrcxz')
    return rng.chance(30) && row.uop !== 'jrcxz' ? [0x67] : [];
  if (row.operands.some(({ kind }) => kind === 'moffs')) return rng.pick([[], [], [0x67], [0x64]]);
  if (row.uop === 'xlatb') return rng.pick([[], [], [0x67], [0x64], [0x2e]]);
  const shrinks = row.operands.some(({ kind, bits }) => kind === 'imm' && bits === 32);
  if (row.size64 && row.encoding.operandSize === undefined && !shrinks && rng.chance(25))
    return [0x66];
  if (row.operands.length === 0 && rng.chance(60)) return [rng.pick([...SEGMENT_PREFIXES, 0x67])];
  if (row.operands.every(({ kind }) => kind === 'gpr') && rng.chance(5))
    return [rng.pick(SEGMENT_PREFIXES)];
  return [];
}
