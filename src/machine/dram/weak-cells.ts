/** Cells that lose their charge when the rows beside theirs are activated often: few, and always the same ones. */

import { randomSource } from '../../isa/random.ts';
import type { DramOptions } from './geometry.ts';

export interface WeakCell {
  /** Byte within the row, and bit of it. */
  readonly byte: number;
  readonly bit: number;
  /** What its bit is while it is charged: 1 in a true cell, 0 in an anti-cell. It is the other one after it has lost its charge. */
  readonly charged: 0 | 1;
  /** Activations of the neighbours that it does not stand: from the threshold of the DRAM to less than twice that. */
  readonly threshold: number;
}

/** Most weak cells of a row; there are rows without any. */
const MOST = 7;
/** Mixes the number of a row into the seed: odd, the golden ratio of 2^32. */
const MIX = 0x9e3779b1;

/** The weak cells of the row `number` of `rowBytes` bytes. */
export function weakCells(
  { seed, threshold }: Pick<DramOptions, 'seed' | 'threshold'>,
  number: number,
  rowBytes: number,
): readonly WeakCell[] {
  const random = randomSource(Math.imul(number + 1, MIX) ^ seed);
  return Array.from({ length: random(MOST + 1) }, () => ({
    byte: random(rowBytes),
    bit: random(8),
    charged: random(2) === 0 ? 0 : 1,
    threshold: threshold + random(threshold),
  }));
}
