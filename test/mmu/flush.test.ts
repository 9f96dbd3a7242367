/**
 * Tables are edited, and accesses and invalidations follow in any order: a translation that has gone may be
 * used until it is invalidated, and never after. TLB_DISABLED allows none at all.
 */

import fc from 'fast-check';
import { describe, it } from 'vitest';
import { SPACE_RAM } from './address-space.ts';
import { Rig } from './rig.ts';
import { Scene } from './scene.ts';
import { step } from './steps.ts';

const RUNS = Number(process.env['MMU_RUNS'] ?? 400);

describe('edits of paging structures', () => {
  const rig = new Rig(SPACE_RAM);

  it.each([
    ['with PCIDs', true, false],
    ['without PCIDs', false, false],
    ['with PCIDs and no TLB', true, true],
    ['without PCIDs and no TLB', false, true],
  ])('are seen after every invalidation, %s', (_, tagged, isTlbDisabled) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 60 }), (steps) => {
        const scene = new Scene(rig, tagged, isTlbDisabled);
        for (const one of steps) scene.run(one);
      }),
      { numRuns: RUNS },
    );
  });
});
