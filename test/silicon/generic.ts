/**
 * States for moves, arithmetic, bits and everything else whose inputs are its operands, the
 * accumulator and flags. Mnemonics that need more than random values have a recipe here.
 */

import { DATA } from '../vectors/pages.ts';
import type { Draft } from './draft.ts';

import type { Encoded } from './encode.ts';
import { chooseSegment, targetIn } from './legacy-segment.ts';
import {
  addressBits,
  chooseTarget,
  memoryBits,
  placeMemory,
  randomState,
  setRegister,
} from './operands.ts';
import type { Rng } from './rng.ts';

const [RAX, RCX, RDX, RBX] = [0, 1, 2, 3] as const;

type Recipe = (draft: Draft, encoded: Encoded, rng: Rng) => void;

/** Called before the memory operand is placed and stored. */
const RECIPES: Record<string, Recipe> = {
  mul: accumulator,
  imul: accumulator,
  mulx: (draft, encoded, rng) => setRegister(draft, RDX, width(encoded), rng),
  div: dividend,
  idiv: dividend,
  cbw: (draft, _, rng) => setRegister(draft, RAX, 8, rng),
  cwde: (draft, _, rng) => setRegister(draft, RAX, 16, rng),
  cdqe: (draft, _, rng) => setRegister(draft, RAX, 32, rng),
  cwd: (draft, _, rng) => setRegister(draft, RAX, 16, rng),
  cdq: (draft, _, rng) => setRegister(draft, RAX, 32, rng),
  cqo: (draft, _, rng) => setRegister(draft, RAX, 64, rng),
  aaa: adjustment,
  aas: adjustment,
  aad: adjustment,
  aam: adjustment,
  daa: adjustment,
  das: adjustment,
  sahf: (draft, _, rng) => draft.setPart(RAX, 8, rng.bits(8), true),
  lahf: (draft, _, rng) => draft.setPart(RAX, 8, rng.bits(8), true),
  cmpxchg: (draft, encoded, rng) => setRegister(draft, RAX, width(encoded), rng),
  wrpkru: pkruOperands,
  rdpkru: pkruOperands,
};
for (const shift of ['shl', 'sal', 'shr', 'sar', 'rol', 'ror', 'rcl', 'rcr', 'shld', 'shrd']) {
  RECIPES[shift] = (draft, encoded, rng) => {
    if (encoded.row.operandText.endsWith('cl'))
      draft.setPart(RCX, 8, shiftCount(width(encoded), rng));
  };
}

/** One state of a generic instruction. */
export function genericState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  RECIPES[encoded.row.mnemonic]?.(draft, encoded, rng);
  if (/^bt[src]?$/.test(encoded.row.mnemonic)) return bitState(draft, encoded, rng);
  if (encoded.row.mnemonic.startsWith('xlat')) return xlatState(draft, encoded, rng);
  const at = placeMemory(draft, encoded, rng);
  const bits = memoryBits(encoded);
  if (at !== undefined && bits !== 0) {
    const value = rng.operand(bits);
    draft.store(at, bits, value);
    if (/^cmpxchg/.test(encoded.row.mnemonic)) comparands(draft, encoded, bits, value, rng);
  }
  return draft;
}

/** Values of immediates: random, but shift counts around the operand size. */
export function immediateValue(mnemonic: string, bits: number, size: number, rng: Rng): bigint {
  const isShift = RECIPES[mnemonic] !== undefined && /^(sh|sa|ro|rc)/.test(mnemonic);
  return isShift || mnemonic === 'rorx' ? shiftCount(size, rng) : rng.operand(bits);
}

function shiftCount(size: number, rng: Rng): bigint {
  const counts = [
    0,
    1,
    1,
    2,
    4,
    size - 1,
    size,
    size + 1,
    31,
    32,
    63,
    rng.below(size),
    rng.below(size),
    rng.below(256),
  ];
  return BigInt(rng.pick(counts));
}

function width(encoded: Encoded): number {
  return encoded.row.operands.find(({ bits }) => bits !== 0)?.bits ?? 64;
}

function accumulator(draft: Draft, encoded: Encoded, rng: Rng): void {
  if (encoded.row.operands.length !== 1) return;
  setRegister(draft, RAX, width(encoded), rng);
  if (width(encoded) > 8 && rng.chance(30)) setRegister(draft, RDX, width(encoded), rng);
}

/** AL and AH around digits. */
function adjustment(draft: Draft, _: Encoded, rng: Rng): void {
  const digits = (): bigint =>
    rng.chance(50) ? BigInt(rng.below(16) * 16 + rng.below(16)) : rng.bits(8);
  draft.setPart(RAX, 8, digits());
  draft.setPart(RAX, 8, digits(), true);
}

/** Mostly dividends whose upper half is small, so that most quotients fit. */
function dividend(draft: Draft, encoded: Encoded, rng: Rng): void {
  const bits = width(encoded);
  if (rng.chance(50)) draft.setGpr(RAX, 0n);
  const low = rng.operand(bits);
  const signed = encoded.row.mnemonic === 'idiv';
  const extension = signed && (low >> BigInt(bits - 1)) & 1n ? -1n : 0n;
  const upper = rng.pick([
    extension,
    extension,
    extension,
    BigInt(rng.below(4)),
    rng.operand(bits),
  ]);
  draft.setPart(RAX, bits, low);
  if (bits === 8) draft.setPart(RAX, 8, upper, true);
  else {
    draft.setGpr(RDX, 0n);
    draft.setPart(RDX, bits, upper);
  }
}

/** Half of the compares succeed. */
function comparands(draft: Draft, { row }: Encoded, bits: number, value: bigint, rng: Rng): void {
  const seen = rng.chance(50) ? value : value ^ 1n;
  if (row.mnemonic === 'cmpxchg') {
    draft.setPart(RAX, bits, seen);
    return;
  }
  const half = bits >> 1;
  setRegister(draft, RBX, half, rng);
  setRegister(draft, RCX, half, rng);
  draft.setPart(RAX, half, seen);
  draft.setPart(RDX, half, seen >> BigInt(half));
}

/**
 * RCX must be 0, and for wrpkru RDX too, or the instruction faults. Key 0 stays open: the kernel
 * needs it to deliver the signal.
 */
function pkruOperands(draft: Draft, { row }: Encoded, rng: Rng): void {
  draft.setGpr(RCX, rng.chance(70) ? 0n : rng.pick([1n, 1n << 31n, 1n << 32n]));
  if (row.mnemonic === 'wrpkru') {
    draft.setGpr(RDX, rng.chance(70) ? 0n : rng.pick([1n, 1n << 31n, 1n << 32n]));
    draft.setGpr(RAX, rng.operand(32) & ~3n);
  }
}

/** A bit string in memory: an offset in a register reaches beyond the operand, both ways. */
function bitState(draft: Draft, encoded: Encoded, rng: Rng): Draft {
  const bits = memoryBits(encoded);
  const offset = encoded.operands[1];
  if (bits === 0) return draft;
  const target = encoded.bits === 64 ? chooseTarget(rng, bits >> 3) : undefined;
  if (offset?.kind !== 'gpr') {
    const at = placeMemory(draft, encoded, rng, target)!;
    draft.store(at, bits, rng.operand(bits));
    return draft;
  }
  const distance = BigInt(rng.below(0x400) - 0x200);
  draft.setPart(offset.register, bits, distance);
  const shift = (distance >> BigInt(Math.log2(bits))) * BigInt(bits >> 3);
  const at = placeMemory(draft, encoded, rng, target && target - shift)!;
  draft.store(at + shift, bits, rng.operand(bits));
  return draft;
}

function xlatState(draft: Draft, encoded: Encoded, rng: Rng): Draft {
  if (encoded.bits !== 64) return legacyXlatState(draft, encoded, rng);
  const target = chooseTarget(rng, 1);
  const index = rng.operand(8);
  if (rng.chance(50)) draft.setGpr(RAX, 0n);
  draft.setPart(RAX, 8, index);
  const base =
    encoded.prefixes.includes(0x67) && target > DATA + 0x100n ? target & 0xffffffffn : target;
  draft.setGpr(RBX, base - index);
  draft.store(target, 8, rng.bits(8));
  return draft;
}

function legacyXlatState(draft: Draft, encoded: Encoded, rng: Rng): Draft {
  const width = addressBits(encoded);
  const register = encoded.prefixes.includes(0x64) ? 'fs' : 'ds';
  const segment = chooseSegment(draft, register, width, rng);
  const target = targetIn(segment, 1, rng);
  const index = rng.operand(8);
  draft.setPart(RAX, 8, index);
  draft.setPart(RBX, width, target - segment.base - index);
  draft.store(target, 8, rng.bits(8));
  return draft;
}
