/**
 * Floating-point constants (NASM manual 3.4.6): decimal and hexadecimal ones, infinity and NaNs, as
 * numbers of 8 (E4M3), 16, 32, 64, 80 and 128 bits or as bfloat16; and packed decimal integers of 80
 * bits (manual 3.4.7). Values are exact until they are rounded, once; ties go towards zero, as in NASM.
 */

import { LineError } from './diagnostics.ts';

export interface FloatFormat {
  readonly exponentBits: number;
  readonly fractionBits: number;
  /** The leading one of the significand has a bit of its own, below the exponent. */
  readonly explicitOne?: true;
}

const FLOAT8: FloatFormat = { exponentBits: 4, fractionBits: 3 };
const FLOAT16: FloatFormat = { exponentBits: 5, fractionBits: 10 };
const BFLOAT16: FloatFormat = { exponentBits: 8, fractionBits: 7 };
const FLOAT32: FloatFormat = { exponentBits: 8, fractionBits: 23 };
const FLOAT64: FloatFormat = { exponentBits: 11, fractionBits: 52 };
const FLOAT80: FloatFormat = { exponentBits: 15, fractionBits: 63, explicitOne: true };
const FLOAT128: FloatFormat = { exponentBits: 15, fractionBits: 112 };

const FORMATS: ReadonlyMap<number, FloatFormat> = new Map([
  [1, FLOAT8],
  [2, FLOAT16],
  [4, FLOAT32],
  [8, FLOAT64],
  [10, FLOAT80],
  [16, FLOAT128],
]);

/** Format of a unit of data, by its bytes. */
export function floatOfSize(size: number): FloatFormat {
  const format = FORMATS.get(size);
  if (!format) throw new LineError(`no ${8 * size}-bit floating-point format supported`);
  return format;
}

/** A function from a constant to (64 bits of) its encoding. */
export interface FloatFunction {
  readonly format: FloatFormat;
  /** Lowest bit that it gives. */
  readonly shift: bigint;
}

const FUNCTIONS: ReadonlyMap<string, FloatFunction> = new Map([
  ['float8', { format: FLOAT8, shift: 0n }],
  ['float16', { format: FLOAT16, shift: 0n }],
  ['bfloat16', { format: BFLOAT16, shift: 0n }],
  ['float32', { format: FLOAT32, shift: 0n }],
  ['float64', { format: FLOAT64, shift: 0n }],
  ['float80m', { format: FLOAT80, shift: 0n }],
  ['float80e', { format: FLOAT80, shift: 64n }],
  ['float128l', { format: FLOAT128, shift: 0n }],
  ['float128h', { format: FLOAT128, shift: 64n }],
]);

/** The function that `__?float64?__` or `__float64__` names. */
export function floatFunction(name: string): FloatFunction | undefined {
  const match = /^__(\??)(b?float\w+)\1__$/i.exec(name);
  return match ? FUNCTIONS.get((match[2] as string).toLowerCase()) : undefined;
}

const DECIMAL = /^(?:0[dt])?(\d[\d_]*)(?:\.([\d_]*))?(?:e([+-]?[\d_]*))?$/i;
/** With a binary exponent: hexadecimal, octal or binary, as the letter says. */
const BINARY = /^(?:0([xhoqby])|\$)([\da-f_]*)(?:\.([\da-f_]*))?(?:p([+-]?[\d_]*))?$/i;
const PACKED = /^(?:0[pP](\d[\d_]*)|(\d[\d_]*)[pP])$/;
const SPECIAL = /^__(\??)(infinity|[qs]?nan)\1__$/i;

/** True for a number with a point or an exponent, and for a packed decimal one. */
export function isFloat(text: string): boolean {
  if (PACKED.test(text) || (/[.e]/i.test(text) && DECIMAL.test(text))) return true;
  const [, letter, whole = '', behind = ''] = BINARY.exec(text) ?? [];
  return /[.p]/i.test(text) && radixOf(letter).digits.test(whole + behind);
}

interface Radix {
  readonly digits: RegExp;
  /** Bits of a digit, and how BigInt wants them announced. */
  readonly bits: number;
  readonly prefix: string;
}

const HEXADECIMAL: Radix = { digits: /[\da-f]/i, bits: 4, prefix: '0x' };
const OCTAL: Radix = { digits: /^[0-7_]*[0-7][0-7_]*$/, bits: 3, prefix: '0o' };
const DUAL: Radix = { digits: /^[01_]*[01][01_]*$/, bits: 1, prefix: '0b' };

function radixOf(letter = 'x'): Radix {
  if (/[xh]/i.test(letter)) return HEXADECIMAL;
  return /[oq]/i.test(letter) ? OCTAL : DUAL;
}

/** True for `__?Infinity?__`, `__?NaN?__`, `__?QNaN?__`, `__?SNaN?__` and their spellings without `?`. */
export function isSpecialFloat(name: string): boolean {
  return SPECIAL.test(name);
}

/** The bits of a floating-point constant. */
export function floatBits(text: string, format: FloatFormat, negative: boolean): bigint {
  const { exponentBits, fractionBits, explicitOne } = format;
  const width = exponentBits + fractionBits + (explicitOne ? 1 : 0);
  const sign = negative ? 1n << BigInt(width) : 0n;
  const packed = PACKED.exec(text);
  if (packed) return sign | packedBits((packed[1] ?? packed[2]) as string, format);
  const special = SPECIAL.exec(text)?.[2]?.toLowerCase();
  const bits = special ? specialBits(special, format) : finiteBits(readFraction(text), format);
  return sign | (explicitOne ? withLeadingOne(bits, fractionBits) : bits);
}

const PACKED_DIGITS = 18;

/** Decimal digits, two in a byte. */
function packedBits(digits: string, format: FloatFormat): bigint {
  if (format !== FLOAT80) throw new LineError('packed BCD requires an 80-bit format');
  return BigInt(`0x${digits.replaceAll('_', '').slice(-PACKED_DIGITS)}`);
}

/** Makes room for the leading one below the exponent; denormal numbers and zero have none. */
function withLeadingOne(bits: bigint, fractionBits: number): bigint {
  const width = BigInt(fractionBits);
  const exponent = bits >> width;
  const one = exponent === 0n ? 0n : 1n << width;
  return (exponent << (width + 1n)) | one | BigInt.asUintN(fractionBits, bits);
}

function specialBits(name: string, { exponentBits, fractionBits }: FloatFormat): bigint {
  const infinity = ((1n << BigInt(exponentBits)) - 1n) << BigInt(fractionBits);
  if (name === 'infinity') return infinity;
  return name === 'snan' ? infinity | 1n : infinity | (1n << BigInt(fractionBits - 1));
}

/** A number that is not negative. */
interface Fraction {
  readonly over: bigint;
  readonly under: bigint;
}

/** Past any format's exponents, so that no power of ten grows without bounds. */
const MAX_EXPONENT = 20_000;
const HUGE: Fraction = { over: 1n << BigInt(MAX_EXPONENT), under: 1n };
const NOTHING: Fraction = { over: 0n, under: 1n };

function readFraction(text: string): Fraction {
  const plain = text.replaceAll('_', '');
  const decimal = DECIMAL.exec(plain);
  if (decimal) {
    const [, whole = '', behind = '', exponent = ''] = decimal;
    return scaled(BigInt(whole + behind), 10n, exponentOf(exponent) - behind.length);
  }
  const [, letter, whole = '', behind = '', exponent = ''] = BINARY.exec(plain) ?? [];
  const { bits, prefix } = radixOf(letter);
  const digits = BigInt(`${prefix}${whole}${behind}`);
  return scaled(digits, 2n, exponentOf(exponent) - bits * behind.length);
}

/** An exponent without digits is 0. */
const exponentOf = (text: string): number => Number(text) || 0;

function scaled(digits: bigint, base: bigint, power: number): Fraction {
  if (digits === 0n || power + bitLength(digits) < -MAX_EXPONENT) return NOTHING;
  if (power > MAX_EXPONENT) return HUGE;
  const scale = base ** BigInt(Math.abs(power));
  return power < 0 ? { over: digits, under: scale } : { over: digits * scale, under: 1n };
}

const bitLength = (value: bigint): number => value.toString(2).length;

/** Rounds a number; the leading one, where there is one, counts as 1 in the exponent field. */
function finiteBits({ over, under }: Fraction, format: FloatFormat): bigint {
  if (over === 0n) return 0n;
  const { exponentBits, fractionBits } = format;
  const bias = 2 ** (exponentBits - 1) - 1;
  let exponent = bitLength(over) - bitLength(under);
  if (shiftLeft(over, -exponent) < shiftLeft(under, exponent)) exponent--;
  exponent = Math.max(exponent, 1 - bias);
  const dividend = shiftLeft(over, fractionBits - exponent);
  const divisor = shiftLeft(under, exponent - fractionBits);
  const up = 2n * (dividend % divisor) > divisor ? 1n : 0n;
  const field = BigInt(exponent - 1 + bias) << BigInt(fractionBits);
  const bits = dividend / divisor + up + field;
  const infinity = specialBits('infinity', format);
  return bits < infinity ? bits : infinity;
}

/** By a count that is not negative; otherwise the value stays as it is. */
function shiftLeft(value: bigint, count: number): bigint {
  return count > 0 ? value << BigInt(count) : value;
}

/** True where a finite constant is too large for the format. */
export function overflows(text: string, format: FloatFormat): boolean {
  if (SPECIAL.test(text) || PACKED.test(text)) return false;
  return finiteBits(readFraction(text), format) === specialBits('infinity', format);
}
