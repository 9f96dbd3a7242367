/**
 * Random calls of two guests, in slices that other calls can come between. After each: no frame is a table and writable,
 * counts are what a full scan counts, no address space reaches what is not its guest's, not even by what the processor
 * may still have cached.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHOICES, Player, played, SLICES } from './player.ts';

const RUNS = 600;

const step = fc.noBias(
  fc.record({
    kind: fc.nat(99),
    guest: fc.nat(1),
    choices: fc.array(fc.nat(999), { minLength: CHOICES, maxLength: CHOICES }),
  }),
);

test('random calls keep tables what they are', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SLICES),
      fc.nat(99),
      fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }),
      (sliceEntries, seed, steps) => {
        const player = new Player(sliceEntries, seed + 1);
        for (const each of steps) player.play(each);
        player.end();
      },
    ),
    { numRuns: RUNS },
  );
  for (const count of Object.values(played)) expect(count).toBeGreaterThan(RUNS / 4);
});
