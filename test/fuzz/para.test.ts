/** Random operations of two PV domains on one machine (test/vmm/para/engine/player.ts). */

import { describe, expect, it } from 'vitest';
import { Player, played } from '../vmm/para/engine/player.ts';
import { FUZZ_TIMEOUT, fuzz } from './progress.ts';

const LISTS = 50;
/** In ms: each case makes two VMs. */
const CASE_LIMIT = 20_000;

const PLANS = [
  { memory: 'direct', runs: 30 },
  { memory: 'shadow', runs: 10 },
  // Not eager filling: a guest can make tables that take it seconds.
  { memory: 'shadow', shadowSync: 'write', runs: 5 },
] as const;

describe.each(PLANS)('two domains, %o', ({ runs, ...options }) => {
  it(
    'keep apart, and what must hold holds',
    async () => {
      const name = `domains ${JSON.stringify(options)}`;
      await fuzz({ name, runs, share: 20_000 / runs, limit: CASE_LIMIT }, (seed) => {
        const player = new Player(seed, options);
        for (let n = 0; n < LISTS && player.play(); n++);
      });
      expect(played.instructions / BigInt(played.lists)).toBeGreaterThan(20n);
      expect(played.ends / played.lists).toBeLessThan(0.2);
    },
    FUZZ_TIMEOUT,
  );
});
