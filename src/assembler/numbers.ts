/**
 * Numeric constants in every spelling of NASM (manual 3.4.1, 3.4.6): 200, 0200d, 0xc8, $0c8, 0hc8,
 * 0c8h, 310q, 0o310, 11001000b, 0b1100_1000, 0y... Floating point is in float.ts.
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
  // A radix stands right behind its zero: 0_x1 is none.
  if (/^0_/.test(text) && /^[a-z]/.test(lower.slice(1))) return undefined;
  if (lower.startsWith('$')) return digits(lower.slice(1), 16);
  const last = lower.at(-1) as string;
  // A suffix h makes any digits before it hexadecimal, even 0b1h and 0d1h.
  if (last === 'h' && /^[0-9][0-9a-f]*h$/.test(lower)) return digits(lower.slice(0, -1), 16);
  const prefix = lower[0] === '0' ? RADIX[lower[1] ?? ''] : undefined;
  if (lower === '0x') return 0n;
  if (prefix !== undefined && lower.length > 2) {
    const value = digits(lower.slice(2), prefix);
    if (value !== undefined) return value;
  }
  const suffix = RADIX[last];
  if (suffix !== undefined) {
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
