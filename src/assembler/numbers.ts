/**
 * Numeric constants in every spelling of NASM (manual 3.4.1, 3.4.6): 200, 0200d, 0xc8, $0c8, 0hc8,
 * 0c8h, 310q, 0o310, 11001000b, 0b1100_1000, 0y..., and floating point for dd and dq.
 */

const RADIX: Readonly<Record<string, number>> = {
  x: 16,
  h: 16,
  d: 10,
  t: 10,
  o: 8,
  q: 8,
  b: 2,
  y: 2,
};

/** Value of an integer constant modulo 2^64, or undefined if `text` is none. */
export function parseNumber(text: string): bigint | undefined {
  const lower = text.toLowerCase().replaceAll('_', '');
  if (lower.startsWith('$')) return digits(lower.slice(1), 16);
  const last = lower.at(-1) as string;
  // A suffix h makes any digits before it hexadecimal, even 0b1h and 0d1h.
  if (last === 'h' && /^[0-9][0-9a-f]*h$/.test(lower)) return digits(lower.slice(0, -1), 16);
  const prefix = lower[0] === '0' ? RADIX[lower[1] ?? ''] : undefined;
  if (prefix !== undefined && lower.length > 2) {
    const value = digits(lower.slice(2), prefix);
    if (value !== undefined) return value;
  }
  const suffix = RADIX[last];
  if (suffix !== undefined && last !== 'x') {
    const value = digits(lower.slice(0, -1), suffix);
    if (value !== undefined) return value;
  }
  return digits(lower, 10);
}

const DIGITS: Readonly<Record<number, RegExp>> = {
  2: /^[01]+$/,
  8: /^[0-7]+$/,
  10: /^[0-9]+$/,
  16: /^[0-9a-f]+$/,
};
const PREFIX: Readonly<Record<number, string>> = { 2: '0b', 8: '0o', 10: '', 16: '0x' };

function digits(text: string, radix: number): bigint | undefined {
  if (!DIGITS[radix]?.test(text)) return undefined;
  return BigInt.asIntN(64, BigInt(`${PREFIX[radix]}${text}`));
}

const DECIMAL_FLOAT = /^\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?$|^\.\d[\d_]*(?:[eE][+-]?\d+)?$/;
const HEX_FLOAT = /^0[xXhH]([\dA-Fa-f_]+)\.?([\dA-Fa-f_]*)[pP]([+-]?\d+)$/;

/** True for a floating-point constant (it has a point or an exponent). */
export function isFloat(text: string): boolean {
  return (DECIMAL_FLOAT.test(text) && /[.eE]/.test(text)) || HEX_FLOAT.test(text);
}

/**
 * IEEE bytes of a floating-point constant, 4 or 8 of them. Decimal constants are rounded to double
 * first, so a 4-byte one may differ in the last bit when it lies within 2^-53 of a rounding tie.
 */
export function floatBytes(text: string, size: 4 | 8, negative: boolean): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const magnitude = floatValue(text.replaceAll('_', ''));
  const value = negative ? -magnitude : magnitude;
  if (size === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return bytes;
}

function floatValue(text: string): number {
  const hex = HEX_FLOAT.exec(text);
  if (!hex) return Number(text);
  const [, whole = '', fraction = '', exponent = '0'] = hex;
  return Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
}
