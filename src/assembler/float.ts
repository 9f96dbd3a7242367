/**
 * Floating-point constants (NASM manual 3.4.6): decimal and hexadecimal ones, infinity and NaNs, as
 * IEEE numbers of 8 (E4M3), 16, 32 and 64 bits or as bfloat16. Decimal constants are rounded to double
 * first, so a narrower one may differ in the last bit when it lies within 2^-53 of a rounding tie. Left
 * out: the 80-bit and 128-bit formats.
 */

export interface FloatFormat {
  readonly exponentBits: number;
  readonly fractionBits: number;
}

const FLOAT8: FloatFormat = { exponentBits: 4, fractionBits: 3 };
const FLOAT16: FloatFormat = { exponentBits: 5, fractionBits: 10 };
const BFLOAT16: FloatFormat = { exponentBits: 8, fractionBits: 7 };
const FLOAT32: FloatFormat = { exponentBits: 8, fractionBits: 23 };
const FLOAT64: FloatFormat = { exponentBits: 11, fractionBits: 52 };

/** Format of a unit of data, by its bytes. */
export const FLOAT_OF_SIZE = { 1: FLOAT8, 2: FLOAT16, 4: FLOAT32, 8: FLOAT64 } as const;

const FUNCTIONS = new Map<string, FloatFormat>(
  Object.entries({
    float8: FLOAT8,
    float16: FLOAT16,
    bfloat16: BFLOAT16,
    float32: FLOAT32,
    float64: FLOAT64,
  }),
);

/** Format that `__?float64?__` or `__float64__` names, the functions from a constant to its bits. */
export function floatFunction(name: string): FloatFormat | undefined {
  const match = /^__(\??)(b?float\d+)\1__$/i.exec(name);
  return match ? FUNCTIONS.get((match[2] as string).toLowerCase()) : undefined;
}

const DECIMAL = /^\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?$|^\.\d[\d_]*(?:[eE][+-]?\d+)?$/;
const HEX = /^0[xXhH]([\dA-Fa-f_]+)\.?([\dA-Fa-f_]*)[pP]([+-]?\d+)$/;
const SPECIAL = /^__(\??)(infinity|[qs]?nan)\1__$/i;

/** True for a number with a point or an exponent. */
export function isFloat(text: string): boolean {
  return (DECIMAL.test(text) && /[.eE]/.test(text)) || HEX.test(text);
}

/** True for `__?Infinity?__`, `__?NaN?__`, `__?QNaN?__`, `__?SNaN?__` and their spellings without `?`. */
export function isSpecialFloat(name: string): boolean {
  return SPECIAL.test(name);
}

/** The bits of a floating-point constant. */
export function floatBits(text: string, format: FloatFormat, negative: boolean): bigint {
  const { exponentBits, fractionBits } = format;
  const sign = negative ? 1n << BigInt(exponentBits + fractionBits) : 0n;
  const special = SPECIAL.exec(text)?.[2]?.toLowerCase();
  return sign | (special ? specialBits(special, format) : finiteBits(finiteValue(text), format));
}

function specialBits(name: string, { exponentBits, fractionBits }: FloatFormat): bigint {
  const infinity = ((1n << BigInt(exponentBits)) - 1n) << BigInt(fractionBits);
  if (name === 'infinity') return infinity;
  return name === 'snan' ? infinity | 1n : infinity | (1n << BigInt(fractionBits - 1));
}

function finiteBits(value: number, format: FloatFormat): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (format === FLOAT64) {
    view.setFloat64(0, value);
    return view.getBigUint64(0);
  }
  if (format === FLOAT32) {
    view.setFloat32(0, value);
    return BigInt(view.getUint32(0));
  }
  return narrowBits(value, format);
}

/** Bits of a value in one of the small formats, where NASM rounds ties towards zero. */
function narrowBits(value: number, format: FloatFormat): bigint {
  const { exponentBits, fractionBits } = format;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (value >= 2 ** (bias + 1)) return specialBits('infinity', format);
  let exponent = 1 - bias;
  while (value >= 2 ** (exponent + 1)) exponent++;
  // The leading one, where there is one, counts as 1 in the exponent field.
  const significand = Math.ceil(value * 2 ** (fractionBits - exponent) - 0.5);
  return BigInt(significand + (exponent - 1 + bias) * 2 ** fractionBits);
}

function finiteValue(text: string): number {
  const plain = text.replaceAll('_', '');
  const hex = HEX.exec(plain);
  if (!hex) return Number(plain);
  const [, whole = '', fraction = '', exponent = '0'] = hex;
  return Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
}
