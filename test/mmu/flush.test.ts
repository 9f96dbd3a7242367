/**
 * Tables are edited, and accesses and invalidations follow in any order: a translation that has gone may be
 * used until it is invalidated, and never after. TLB_DISABLED allows none at all.
 */

import fc from 'fast-check';
import { describe, it } from 'vitest';
import { SPACE_RAM } from './address-space.ts';
import { Rig } from './rig.ts';
import { Scene } from './scene.ts';
import { COMPATIBILITY, FOUR_LEVEL, PAE, PSE, type Setting } from './settings.ts';
import { stepOf } from './steps.ts';

const RUNS = Number(process.env['MMU_RUNS'] ?? 200);

const PLANS: readonly { setting: Setting; pcids: string; tagged: boolean }[] = [
  { setting: FOUR_LEVEL, pcids: 'with PCIDs', tagged: true },
  ...[FOUR_LEVEL, COMPATIBILITY, PAE, PSE].map((setting) => ({
    setting,
    pcids: 'without PCIDs',
    tagged: false,
  })),
];

describe.each(PLANS)('edits under $setting.name, $pcids', ({ setting, tagged }) => {
  const rig = new Rig(SPACE_RAM);

  it.each([
    ['with the TLB', false],
    ['without it', true],
  ])('are seen after every invalidation, %s', (_, isTlbDisabled) => {
    fc.assert(
      fc.property(fc.array(stepOf(setting, true), { minLength: 2, maxLength: 60 }), (steps) => {
        const scene = new Scene(rig, setting, tagged, isTlbDisabled);
        for (const one of steps) scene.run(one);
      }),
      { numRuns: RUNS },
    );
  });
});
