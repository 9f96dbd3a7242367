/** A drawn state: the instruction, the program's registers, and what it finds in memory. */

import { pick, type RandomSource } from '../../isa/random.ts';
import type { Insn } from '../../isa/row.ts';
import {
  type EdgeValues,
  FLAGS_FIXED,
  flagImage,
  PROGRAM_FLAGS,
  stackAddress,
} from './edge-values.ts';
import { type InstructionSample, sampleInstruction } from './instruction-sample.ts';
import type { X86Mode } from './modes.ts';
import { TARGET } from './places.ts';

export interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface ProgramState {
  readonly code: Uint8Array;
  /** gpr[16]: u64, in encoding order. */
  readonly gpr: BigUint64Array;
  /** Flags of programs, and some of the system's. */
  readonly rflags: bigint;
  /** System state that instructions end or switch off: CR0.TS, an armed address monitor, blocked NMIs. */
  readonly taskSwitched: boolean;
  readonly monitorArmed: boolean;
  readonly nmiBlocked: boolean;
  /** What lies at the memory operand, at RSI and on the stack. */
  readonly memory: readonly Piece[];
}

const [RCX, RDX, RSP, RBP, RSI, RDI, RBX] = [1, 2, 4, 5, 6, 7, 3];
/** And IF, AC, ID, which stop no instruction. */
const FLAGS_DRAWN = PROGRAM_FLAGS | 0x24_0200;
/** Values on the stack that are given: more than any return pops. */
const STACK_SLOTS = 6;

export function drawState(
  row: Insn,
  mode: X86Mode,
  values: EdgeValues,
  random: RandomSource,
): ProgramState | undefined {
  const sample = sampleInstruction(row, mode, values, random);
  if (sample === undefined) return undefined;
  const gpr = drawRegisters(sample, mode, values, random);
  const memory = [
    ...(sample.memory === undefined ? [] : [operandPiece(sample, sample.memory, values, random)]),
    stackPiece(Number(gpr[RSP]), row, mode, values, random),
  ];
  const rflags = BigInt((flagImage(random) & FLAGS_DRAWN) | FLAGS_FIXED);
  const coin = (): boolean => random(2) === 0;
  const system = { taskSwitched: coin(), monitorArmed: coin(), nmiBlocked: coin() };
  return { code: sample.code, gpr: BigUint64Array.from(gpr), rflags, memory, ...system };
}

function drawRegisters(
  { pointers }: InstructionSample,
  { isLong }: X86Mode,
  values: EdgeValues,
  random: RandomSource,
): bigint[] {
  const gpr = Array.from({ length: 16 }, (_, n) => (n < 8 || isLong ? values.any(random) : 0n));
  // String instructions and their like find memory at these.
  for (const n of [RSI, RDI, RBX]) if (random(4) !== 0) gpr[n] = values.of('data', random);
  if (random(3) === 0) gpr[0] = values.of('data', random);
  gpr[RCX] = pick(random, [BigInt(random(4)), values.of('msr', random), values.any(random)]);
  // What MONITOR, WRPKRU, XSETBV and others want to be 0.
  if (random(3) === 0) for (const n of [RCX, RDX]) gpr[n] = BigInt(random(8) >> 2);
  if (random(4) !== 0) gpr[RBP] = BigInt(stackAddress(random));
  gpr[RSP] = BigInt(stackAddress(random));
  for (const [n, address] of pointers) gpr[n] = address;
  return gpr;
}

function operandPiece(
  { farOffset }: InstructionSample,
  address: number,
  values: EdgeValues,
  random: RandomSource,
): Piece {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  if (farOffset > 0) {
    putNumber(view, 0, BigInt(TARGET), farOffset);
    const selector = random(2) === 0 ? values.codeSelector(random) : values.stackSelector(random);
    view.setUint16(farOffset, selector, true);
  } else if (random(4) === 0) {
    // A limit and a base.
    view.setUint16(0, random(0x1000), true);
    view.setBigUint64(2, values.of('data', random), true);
  } else if (random(4) !== 0) {
    view.setBigUint64(0, values.any(random), true);
    view.setBigUint64(8, values.any(random), true);
  }
  return { address, bytes };
}

/** Layouts of what returns pop; what lies behind them is of any kind. */
const FRAMES: readonly [readonly Slot[], ...(readonly Slot[])[]] = [
  ['code', 'cs', 'flags', 'stack', 'ss'],
  ['code', 'cs', 'stack', 'ss'],
  ['flags'],
  ['ss'],
  [],
];
type Slot = 'code' | 'cs' | 'flags' | 'stack' | 'ss' | 'any';

function stackPiece(
  address: number,
  row: Insn,
  mode: X86Mode,
  values: EdgeValues,
  random: RandomSource,
): Piece {
  const width = slotBytes(row, mode);
  const frame = pick(random, FRAMES);
  const bytes = new Uint8Array(STACK_SLOTS * 8);
  const view = new DataView(bytes.buffer);
  for (let n = 0; n < STACK_SLOTS; n++) {
    putNumber(view, n * width, stackValue(frame[n] ?? 'any', values, random), width);
  }
  return { address, bytes };
}

/** Bytes of what the row pops, as far as it can be told from its sizes. */
function slotBytes({ encoding, size64, operands }: Insn, { isLong }: X86Mode): number {
  if (encoding.sizeToken !== undefined) return encoding.sizeToken / 8;
  if (isLong && size64 !== undefined) return 8;
  return operands[0]?.kind === 'gpr' && operands[0].bits > 8 ? operands[0].bits / 8 : 4;
}

function stackValue(slot: Slot, values: EdgeValues, random: RandomSource): bigint {
  switch (slot) {
    case 'code':
      return values.of('code', random);
    case 'cs':
      return BigInt(values.codeSelector(random));
    case 'flags':
      return BigInt(flagImage(random));
    case 'stack':
      return BigInt(stackAddress(random));
    case 'ss':
      return BigInt(values.stackSelector(random));
    case 'any':
      return values.any(random);
  }
}

function putNumber(view: DataView, at: number, value: bigint, bytes: number): void {
  if (bytes === 8) view.setBigUint64(at, value, true);
  else if (bytes === 4) view.setUint32(at, Number(value & 0xffff_ffffn), true);
  else view.setUint16(at, Number(value & 0xffffn), true);
}
