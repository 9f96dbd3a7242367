/**
 * Input states for an encoded instruction: values in its operands, its memory operand at an address
 * that may be misaligned, cross pages, not be mapped or not be canonical, and random flags.
 */

import { DATA, DATA_END } from '../vectors/pages.ts';
import { bindAddress } from './address.ts';
import { Draft } from './draft.ts';
import type { Encoded } from './encode.ts';
import { bindLegacyAddress } from './legacy-address.ts';
import { chooseSegment, FLAT, setSegment } from './legacy-segment.ts';
import type { Rng } from './rng.ts';

const STATUS_FLAGS = [0n, 2n, 4n, 6n, 7n, 11n];
const DF = 1n << 10n;
const TF = 1n << 8n;
const NT = 1n << 14n;
export const AC = 1n << 18n;
const ID = 1n << 21n;

/** Random status flags, and now and then one of those that instructions must leave alone. */
export function randomFlags(rng: Rng): bigint {
  let flags = 0n;
  for (const bit of STATUS_FLAGS) if (rng.chance(50)) flags |= 1n << bit;
  if (rng.chance(3)) flags |= rng.pick([DF, NT, ID]);
  if (rng.chance(2)) flags |= TF;
  return flags;
}

/** Where a memory operand of `bytes` bytes goes: mostly to mapped memory, aligned or not. */
export function chooseTarget(rng: Rng, bytes: number): bigint {
  if (rng.chance(10)) return badTarget(rng, bytes);
  if (rng.chance(8)) return DATA + 0x1000n - BigInt(1 + rng.below(Math.max(bytes - 1, 1)));
  const aligned = DATA + BigInt(0x40 + rng.below(0x20) * 16);
  return rng.chance(70) ? aligned : aligned + BigInt(rng.below(16));
}

function badTarget(rng: Rng, bytes: number): bigint {
  const overlap = BigInt(1 + rng.below(Math.max(bytes - 1, 1)));
  return rng.pick([
    DATA_END + BigInt(rng.below(0x1000)),
    DATA_END - overlap,
    DATA - overlap,
    0n,
    0x800000000000n,
    0x800000000000n - overlap,
    BigInt.asUintN(64, -0x800000000001n),
    0x4000000000000000n + rng.bits(32),
  ]);
}

/** A state in which operands have weighted values. */
export function randomState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng), encoded.bits);
  encoded.row.operands.forEach((operand, i) => {
    const choice = encoded.operands[i]!;
    if (choice.kind === 'gpr') setRegister(draft, choice.register, operand.bits, rng, choice.high);
  });
  return draft;
}

/** Upper bits of a narrow value are zero or those of the untouched register. */
export function setRegister(
  draft: Draft,
  register: number,
  bits: number,
  rng: Rng,
  high = false,
): void {
  if (bits < 64 && rng.chance(50)) draft.setGpr(register, 0n);
  draft.setPart(register, bits, rng.operand(bits), high);
}

/** Binds the memory operand, if there is one; returns its linear address. */
export function placeMemory(
  draft: Draft,
  encoded: Encoded,
  rng: Rng,
  target?: bigint,
): bigint | undefined {
  const index = memoryIndex(encoded);
  const choice = encoded.operands[index];
  if (choice?.kind === 'number') return placeOffset(draft, encoded, choice.value, rng);
  if (choice?.kind !== 'mem') return undefined;
  const bytes = encoded.row.operands[index]!.memoryBits >> 3;
  const { address } = choice;
  const linear =
    'register' in address
      ? bindLegacyAddress(draft, address, Math.max(bytes, 1), rng, target)
      : bindAddress(draft, address, target ?? chooseTarget(rng, bytes), rng);
  // Not where an operand may straddle the canonical range: #AC or #GP first is not defined.
  if (rng.chance(4) && linear < 1n << 46n) draft.input.regs.rflags! |= AC;
  return linear;
}

/** Width in bits of the memory operand; 0 where there is none or it has no size. */
export function memoryBits(encoded: Encoded): number {
  return encoded.row.operands[memoryIndex(encoded)]?.memoryBits ?? 0;
}

function memoryIndex({ row, operands }: Encoded): number {
  return row.operands.findIndex(({ kind }, i) => kind === 'moffs' || operands[i]?.kind === 'mem');
}

/** An offset in the instruction: only a segment base moves it. */
function placeOffset(draft: Draft, encoded: Encoded, offset: bigint, rng: Rng): bigint {
  const { prefixes, bits } = encoded;
  if (bits !== 64) return legacyOffset(draft, encoded, offset, rng);
  if (!prefixes.includes(0x64)) return offset;
  draft.segmentBase('fs', 0x80n);
  return offset + 0x80n;
}

function legacyOffset(draft: Draft, encoded: Encoded, offset: bigint, rng: Rng): bigint {
  const bits = addressBits(encoded);
  const register = encoded.prefixes.includes(0x64) ? 'fs' : 'ds';
  // Offsets of 32 bits lie in the data pages: in a segment with a base they would lie among the code.
  if (bits === 32) {
    setSegment(draft, register, FLAT);
    return offset;
  }
  const { base } = chooseSegment(draft, register, bits, rng);
  return BigInt.asUintN(32, base + BigInt.asUintN(bits, offset));
}

/** Address size of an instruction outside 64-bit mode. */
export function addressBits({ bits, prefixes }: Encoded): 32 | 16 {
  return prefixes.includes(0x67) === (bits === 16) ? 32 : 16;
}

/** Operand size of an instruction outside 64-bit mode. */
export function operandBits({ row, bits, prefixes }: Encoded): 32 | 16 {
  const { operandSize } = row.encoding;
  if (operandSize === 16 || operandSize === 32) return operandSize;
  return prefixes.includes(0x66) === (bits === 16) ? 32 : 16;
}
