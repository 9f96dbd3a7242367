/** Values of options: sizes, addresses, features, macros. Each is checked, with an error in one line. */

import { DEFAULT_FEATURES, FEATURE_NAMES } from '../index.ts';
import { UsageError } from './usage-error.ts';

/** An argument that may not be left out. */
export function required(value: string | undefined, what: string): string {
  if (value !== undefined && value !== '') return value;
  throw new UsageError(`${what} is needed; --help shows how`);
}

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** A size as `64M`; a plain number counts MiB, as in QEMU's -m. */
export function parseSize(option: string, text: string): number {
  const match = /^(\d+)([KMG]?)$/i.exec(text);
  if (!match) throw new UsageError(`--${option}: '${text}' is not a size like 64M`);
  return Number(match[1]) * (UNITS[match[2]?.toUpperCase() || 'M'] ?? 1);
}

/** A 64-bit address: decimal, 0x hexadecimal, or NASM's trailing h. */
export function parseAddress(option: string, text: string): bigint {
  const digits = text.replaceAll('_', '');
  const plain = /^[0-9][0-9a-f]*h$/i.test(digits) ? `0x${digits.slice(0, -1)}` : digits;
  const isNumber = /^(0x[0-9a-f]+|\d+)$/i.test(plain);
  if (isNumber && BigInt(plain) < 1n << 64n) return BigInt(plain);
  throw new UsageError(`--${option}: '${text}' is not an address`);
}

/** A positive integer, decimal, with optional `_` between digits. */
export function parseCount(option: string, text: string): number {
  const value = /^\d[\d_]*$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new UsageError(`--${option}: '${text}' is not a positive integer`);
}

/** `+umip,-smap`: changes to the default features. */
export function parseFeatures(text: string): ReadonlySet<string> {
  const features = new Set(DEFAULT_FEATURES);
  for (const item of text.split(',')) {
    const [, sign, name = ''] = /^([+-]?)(.*)$/.exec(item) ?? [];
    if (!FEATURE_NAMES.includes(name)) {
      throw new UsageError(
        `--machine: unknown feature '${item}'; known: ${FEATURE_NAMES.join(' ')}`,
      );
    }
    if (sign === '-') features.delete(name);
    else features.add(name);
  }
  return features;
}

/** `NAME` or `NAME=VALUE`, each. */
export function parseDefines(items: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const [, name, value = ''] = /^([A-Za-z_.?@][\w.?@$#~]*)(?:=(.*))?$/s.exec(item) ?? [];
      if (name === undefined) throw new UsageError(`-D: '${item}' is not NAME or NAME=VALUE`);
      return [name, value];
    }),
  );
}

/** The one of `choices` that the value `text` of an option names. */
export function parseChoice<T extends string>(
  option: string,
  text: string,
  choices: readonly T[],
): T {
  const choice = choices.find((name) => name === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`--${option}: '${text}' is not one of ${choices.join(', ')}`);
}
