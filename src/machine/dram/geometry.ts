/**
 * How machine memory lies in DRAM. An HPA is, from its top: row, bank, column. So a row is consecutive bytes, the next
 * ones are in the next bank, and the rows on both sides of a row in its bank lie `banks` rows before and behind it.
 */

import { LINE_BYTES } from './cached-lines.ts';

/** How the DRAM is made. */
export interface DramOptions {
  readonly banks: number;
  /** Rows of a bank. */
  readonly rows: number;
  /** Activations of its neighbours within a refresh interval that the weakest cells of a row may not stand. */
  readonly threshold: number;
  /** Which cells are weak, and how weak. */
  readonly seed: number;
}

/** Least and greatest value of each: a row needs neighbours, and what is kept of each row has to fit in memory. */
const RANGES: Readonly<Record<keyof DramOptions, readonly [least: number, greatest: number]>> = {
  banks: [1, 64],
  rows: [3, 2 ** 20],
  threshold: [1, 2 ** 31],
  seed: [0, 2 ** 32 - 1],
};
export const DRAM_KEYS = Object.keys(RANGES) as readonly (keyof DramOptions)[];

/** As DDR4 has them, and what was measured of it, on the safe side. */
export const DRAM_DEFAULTS: DramOptions = { banks: 8, rows: 1024, threshold: 50_000, seed: 1 };

/** Most rows in all banks together. */
const MAX_ROWS = 2 ** 22;

/** Bad options. */
export class DramError extends Error {
  override readonly name = 'DramError';
  readonly code = 'DRAM';
}

/** `options`, if there can be such DRAM; throws a DramError. */
export function checkDram(options: DramOptions): DramOptions {
  for (const key of DRAM_KEYS) {
    const [least, greatest] = RANGES[key];
    const value = options[key];
    if (!Number.isInteger(value) || value < least || value > greatest) {
      throw new DramError(`${key} must be a whole number from ${least} to ${greatest}`);
    }
  }
  if (options.banks * options.rows > MAX_ROWS) {
    throw new DramError(`all banks together can have ${MAX_ROWS} rows`);
  }
  return options;
}

/** Where rows are. A row is known by its number in the order of addresses: bank + row within the bank * banks. */
export class DramGeometry {
  readonly banks: number;
  readonly rows: number;
  /** The least power of two with which the rows hold all memory; there may be more rows than memory then. */
  readonly rowBytes: number;
  readonly #shift: number;

  constructor({ banks, rows }: Pick<DramOptions, 'banks' | 'rows'>, memoryBytes: number) {
    this.banks = banks;
    this.rows = rows;
    const least = Math.max(memoryBytes / (banks * rows), LINE_BYTES);
    this.#shift = Math.ceil(Math.log2(least));
    this.rowBytes = 2 ** this.#shift;
  }

  /** Number of the row that `hpa` is in. */
  numberOf(hpa: number): number {
    return hpa >>> this.#shift;
  }
  /** HPA of its first byte. */
  addressOf(number: number): number {
    return number * this.rowBytes;
  }
  bankOf(number: number): number {
    return number % this.banks;
  }
  /** Its place in its bank. */
  rowOf(number: number): number {
    return (number / this.banks) | 0;
  }
}
