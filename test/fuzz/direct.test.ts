/** Random calls under direct paging (test/vmm/direct/player.ts), many more than the property test makes. */

import { describe, it } from 'vitest';
import { pick, type RandomSource, randomSource } from '../../src/isa/random.ts';
import { CHOICES, Player, SLICES, type Step } from '../vmm/direct/player.ts';
import { FUZZ_TIMEOUT, fuzz } from './progress.ts';

const STEPS = 60;

function randomStep(random: RandomSource): Step {
  const choices = Array.from({ length: CHOICES }, () => random(1000));
  return { kind: random(100), guest: random(2), choices };
}

describe('random calls', () => {
  it(
    'keep tables what they are',
    async () => {
      await fuzz({ name: 'direct paging', runs: 50, share: 100 }, (seed) => {
        const random = randomSource(seed);
        const player = new Player(pick(random, SLICES), seed);
        for (let n = 0; n < STEPS; n++) player.play(randomStep(random));
        player.end();
      });
    },
    FUZZ_TIMEOUT,
  );
});
