/**
 * Results and status flags of integer instructions in plain TypeScript, by the definitions of SDM 1 3.4.3.1
 * and of "Flags Affected" in SDM 2: the oracle for the lazy flags of asm/cpu/flags.ts. Values are
 * computed on unbounded integers, so that a carry is what does not fit and an overflow is what changes when
 * the result is cut.
 */

export const FLAG_CF = 1 << 0;
export const FLAG_PF = 1 << 2;
export const FLAG_AF = 1 << 4;
export const FLAG_ZF = 1 << 6;
export const FLAG_SF = 1 << 7;
export const FLAG_OF = 1 << 11;

const ALL = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

/** `result` is unsigned; `defined` are the flags that the manual defines, `flags` their values. */
export interface Outcome {
  readonly result: bigint;
  readonly flags: number;
  readonly defined: number;
}

/** Operations with two operands; those with one use the first. */
export const ARITHMETIC = [
  ...['add', 'adc', 'sub', 'sbb', 'cmp', 'and', 'or', 'xor', 'test', 'inc', 'dec', 'neg'],
  ...['shl', 'shr', 'sar'],
] as const;
export type Operation = (typeof ARITHMETIC)[number];

/** `a` op `b` on operands of `bits` bits; `before` are the status flags before. */
export function compute(
  operation: Operation,
  bits: number,
  a: bigint,
  b: bigint,
  before: number,
): Outcome {
  const carry = BigInt(before & FLAG_CF);
  switch (operation) {
    case 'add':
      return sum(bits, a, b, 0n);
    case 'adc':
      return sum(bits, a, b, carry);
    case 'sub':
    case 'cmp':
      return difference(bits, a, b, 0n);
    case 'sbb':
      return difference(bits, a, b, carry);
    case 'neg':
      return difference(bits, 0n, a, 0n);
    case 'inc':
      return keepCarry(sum(bits, a, 1n, 0n), before);
    case 'dec':
      return keepCarry(difference(bits, a, 1n, 0n), before);
    case 'and':
    case 'test':
      return logic(bits, a & b);
    case 'or':
      return logic(bits, a | b);
    case 'xor':
      return logic(bits, a ^ b);
    default:
      return shift(operation, bits, a, b, before);
  }
}

function sum(bits: number, a: bigint, b: bigint, carry: bigint): Outcome {
  const unsigned = a + b + carry;
  const signed = BigInt.asIntN(bits, a) + BigInt.asIntN(bits, b) + carry;
  const nibble = (a & 15n) + (b & 15n) + carry;
  return arithmetic(bits, unsigned, signed, nibble);
}

function difference(bits: number, a: bigint, b: bigint, borrow: bigint): Outcome {
  const unsigned = a - b - borrow;
  const signed = BigInt.asIntN(bits, a) - BigInt.asIntN(bits, b) - borrow;
  const nibble = (a & 15n) - (b & 15n) - borrow;
  return arithmetic(bits, unsigned, signed, nibble);
}

/** The exact result of unsigned, signed and low-nibble arithmetic: flags tell which of them fit. */
function arithmetic(bits: number, unsigned: bigint, signed: bigint, nibble: bigint): Outcome {
  const result = BigInt.asUintN(bits, unsigned);
  const carry = result !== unsigned ? FLAG_CF : 0;
  const overflow = BigInt.asIntN(bits, signed) !== signed ? FLAG_OF : 0;
  const adjust = nibble < 0n || nibble > 15n ? FLAG_AF : 0;
  return { result, flags: carry | overflow | adjust | ofResult(bits, result), defined: ALL };
}

function keepCarry({ result, flags, defined }: Outcome, before: number): Outcome {
  return { result, flags: (flags & ~FLAG_CF) | (before & FLAG_CF), defined };
}

function logic(bits: number, value: bigint): Outcome {
  return { result: value, flags: ofResult(bits, value), defined: ALL & ~FLAG_AF };
}

/** SF, ZF and PF. */
function ofResult(bits: number, result: bigint): number {
  const sign = BigInt.asIntN(bits, result) < 0n ? FLAG_SF : 0;
  const ones = [...(result & 0xffn).toString(2)].filter((digit) => digit === '1').length;
  return sign | (result === 0n ? FLAG_ZF : 0) | (ones % 2 === 0 ? FLAG_PF : 0);
}

/** One bit at a time. The count is masked to 5 bits, to 6 for 64-bit operands; 0 changes nothing. */
function shift(
  operation: 'shl' | 'shr' | 'sar',
  bits: number,
  value: bigint,
  rawCount: bigint,
  before: number,
): Outcome {
  const count = Number(rawCount & (bits === 64 ? 63n : 31n));
  if (count === 0) return { result: value, flags: before & ALL, defined: ALL };
  let result = value;
  let out = 0n;
  for (let n = 0; n < count; n++) {
    out = operation === 'shl' ? (result >> BigInt(bits - 1)) & 1n : result & 1n;
    result = shiftOnce(operation, bits, result);
  }
  const carry = out === 1n ? FLAG_CF : 0;
  const overflow = overflows(operation, bits, value, result, out) ? FLAG_OF : 0;
  let defined = ALL & ~FLAG_AF;
  if (count > 1) defined &= ~FLAG_OF;
  if (operation !== 'sar' && count >= bits) defined &= ~FLAG_CF;
  return { result, flags: carry | overflow | ofResult(bits, result), defined };
}

function shiftOnce(operation: 'shl' | 'shr' | 'sar', bits: number, value: bigint): bigint {
  if (operation === 'shl') return BigInt.asUintN(bits, value << 1n);
  if (operation === 'shr') return value >> 1n;
  return BigInt.asUintN(bits, BigInt.asIntN(bits, value) >> 1n);
}

/** OF of a shift by one: the sign changed (shl: the new one differs from CF); never for sar. */
function overflows(
  operation: 'shl' | 'shr' | 'sar',
  bits: number,
  before: bigint,
  result: bigint,
  out: bigint,
): boolean {
  const sign = (value: bigint): bigint => value >> BigInt(bits - 1);
  if (operation === 'shl') return sign(result) !== out;
  return operation === 'shr' && sign(before) === 1n;
}
