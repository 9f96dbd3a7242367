/**
 * Sample encodings of a row: random operands that it takes, weighted to what goes wrong (rsp, rbp, r12,
 * r13 as base, ah and spl, sign bits), encoded. Every sample decodes to this row. For tests and fuzzing.
 */

import { encode, type Prefixes, patchField } from './encode.ts';
import type { Address, MemoryValue, OperandValue, RegisterValue } from './operand-value.ts';
import { pick, type RandomSource, randomSource } from './random.ts';
import type { CodeMode, Insn, Operand } from './row.ts';

/** `count` encodings of `row` for a code mode in which it exists; the same for the same seed. */
export function sampleEncodings(
  row: Insn,
  seed: number,
  count: number,
  mode: CodeMode = 64,
): Uint8Array[] {
  const random = randomSource(seed);
  const samples: Uint8Array[] = [];
  for (let tries = 0; samples.length < count && tries < 20 * count; tries++) {
    const sample = sampleOnce(row, random, mode);
    if (sample) samples.push(sample);
  }
  return samples;
}

/** Undefined where high-byte registers and REX clash. */
function sampleOnce(row: Insn, random: RandomSource, mode: CodeMode): Uint8Array | undefined {
  const operands = row.operands.map((operand, at) => sampleOperand(operand, at, random, mode));
  const prefixes = samplePrefixes(row, operands, random);
  const encoded = encode(row, operands, { mode, prefixes });
  if (!encoded) return undefined;
  for (const field of encoded.fields) {
    if (field.kind === 'relative') patchField(encoded.bytes, field, sampleNumber(random, 32));
  }
  return encoded.bytes;
}

function samplePrefixes(
  { lock, rep }: Insn,
  operands: readonly OperandValue[],
  random: RandomSource,
): Prefixes {
  const hasMemory = operands.some(({ kind }) => kind === 'mem');
  return {
    ...(lock && hasMemory && random(2) === 0 ? { lock } : {}),
    ...(rep && random(2) === 0 ? { repeat: pick(random, ['F2', 'F3']) } : {}),
    ...(hasMemory && random(8) === 0 ? { segment: pick(random, [4, 5]) } : {}),
  };
}

function sampleOperand(
  operand: Operand,
  at: number,
  random: RandomSource,
  mode: CodeMode,
): OperandValue {
  const { kind, slot, bits } = operand;
  if (kind === 'one') return immediate(1n);
  if (slot === 'fixed') return register(kind as RegisterValue['class'], operand.fixed, bits);
  if (kind === 'imm' || kind === 'rel') return immediate(sampleImmediate(operand, random));
  if (kind === 'moffs') return memory(operand, sampleMoffs(random, mode));
  if (kind === 'far' && slot === 'imm') {
    const offset = BigInt.asUintN(bits - 16, sampleNumber(random, 32));
    return { kind: 'farptr', selector: BigInt(random(0x10000)), offset, bits: bits - 16 };
  }
  if (kind === 'mem' || kind === 'far' || (operand.memory && random(2) === 0)) {
    return memory(operand, sampleAddress(random, mode));
  }
  return sampleRegister(kind as RegisterValue['class'], bits, at, random, mode);
}

function immediate(value: bigint): OperandValue {
  return { kind: 'imm', value, bits: undefined, exact: true, distance: undefined };
}

function register(
  registerClass: RegisterValue['class'],
  number: number,
  bits: number,
  rex: RegisterValue['rex'] = 'any',
): RegisterValue {
  return { kind: 'reg', class: registerClass, number, bits, rex };
}

function memory({ kind, memoryBits }: Operand, address: Address): MemoryValue {
  const far = kind === 'far';
  return { kind: 'mem', bits: far ? memoryBits - 16 : memoryBits || undefined, far, address };
}

/** Registers that exist: not mov to cs, no cr1, no dr8. */
function sampleRegister(
  registerClass: RegisterValue['class'],
  bits: number,
  at: number,
  random: RandomSource,
  mode: CodeMode,
): RegisterValue {
  if (registerClass === 'sreg') {
    return register('sreg', pick(random, at === 0 ? [0, 2, 3, 4, 5] : [0, 1, 2, 3, 4, 5]), bits);
  }
  if (registerClass === 'cr')
    return register('cr', pick(random, mode === 64 ? [0, 2, 3, 4, 8] : [0, 2, 3, 4]), bits);
  if (registerClass === 'dr') return register('dr', random(8), bits);
  const number = random(mode === 64 ? 16 : 8);
  const isByte = bits === 8 && number >= 4 && number < 8;
  const rex = !isByte ? 'any' : mode === 64 && random(2) === 0 ? 'required' : 'forbidden';
  return register('gpr', number, bits, rex);
}

function sampleImmediate({ bits, signed }: Operand, random: RandomSource): bigint {
  const value = sampleNumber(random, bits);
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

/** Small, large, or near a power of two. */
function sampleNumber(random: RandomSource, bits: number): bigint {
  const whole = (BigInt(random(0x40000000)) << 34n) ^ (BigInt(random(0x40000000)) << 8n);
  const edge = (1n << BigInt(random(bits))) - BigInt(random(3));
  const small = BigInt(random(512) - 256);
  return BigInt.asIntN(bits, pick(random, [small, edge, -edge, whole]));
}

const NO_ADDRESS = {
  base: undefined,
  index: undefined,
  scale: 1,
  displacement: 0n,
  displacementSize: undefined,
  movable: false,
  ripRelative: false,
} as const;

function sampleAddress(random: RandomSource, mode: CodeMode): Address {
  const bits = random(6) === 0 ? OTHER_SIZE[mode] : mode;
  if (bits === 16) return sampleAddress16(random);
  const address = { ...NO_ADDRESS, bits, displacement: sampleDisplacement(random) };
  const form = random(8);
  if (form === 0) return { ...address, ripRelative: mode === 64 };
  const base = register('gpr', random(mode === 64 ? 16 : 8), bits);
  if (form < 4) return { ...address, base };
  const number = random(mode === 64 ? 16 : 8);
  const index = number === 4 ? undefined : register('gpr', number, bits);
  const scale = pick<1 | 2 | 4 | 8>(random, [1, 2, 4, 8]);
  if (form < 7) return { ...address, base, index, scale: index ? scale : 1 };
  return index ? { ...address, index, scale } : address;
}

const OTHER_SIZE = { 64: 32, 32: 16, 16: 32 } as const;

/** Base and index that 16-bit addressing has: bx or bp, si or di. */
function sampleAddress16(random: RandomSource): Address {
  const displacement = random(3) === 0 ? 0n : sampleNumber(random, pick(random, [8, 16]));
  const address = { ...NO_ADDRESS, bits: 16, displacement } as const;
  const form = random(4);
  if (form === 0) return { ...address, displacement: BigInt.asUintN(16, displacement) };
  const base = register('gpr', pick(random, [3, 5]), 16);
  const index = register('gpr', pick(random, [6, 7]), 16);
  return form === 1
    ? { ...address, base: pick(random, [base, index]) }
    : { ...address, base, index };
}

function sampleDisplacement(random: RandomSource): bigint {
  return random(3) === 0 ? 0n : sampleNumber(random, pick(random, [8, 32]));
}

function sampleMoffs(random: RandomSource, mode: CodeMode): Address {
  const bits = random(4) === 0 ? OTHER_SIZE[mode] : mode;
  const displacement = BigInt.asUintN(bits, sampleNumber(random, bits));
  return { ...NO_ADDRESS, bits, displacement, displacementSize: bits === 64 ? 8 : undefined };
}
