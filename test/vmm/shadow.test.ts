/**
 * Page tables are edited by the guest and by devices, and accesses, invalidations and changes of registers follow in any
 * order, under shadow page tables: what the guest finds is what a processor of its own could find. Between an edit and
 * its invalidation that is the old or the new translation, after it the new one.
 */

import fc from 'fast-check';
import { describe, it } from 'vitest';
import { SPACE_RAM } from '../mmu/address-space.ts';
import { Scene } from '../mmu/scene.ts';
import { COMPATIBILITY, FOUR_LEVEL, PAE, PSE } from '../mmu/settings.ts';
import { stepOf } from '../mmu/steps.ts';
import { ShadowRig } from './shadow-rig.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 160);
/** Filling all entries at every load of CR3 takes its time. */
const EAGER_SHARE = 1 / 4;

const PLANS = [
  { setting: FOUR_LEVEL, tagged: true, options: {} },
  { setting: FOUR_LEVEL, tagged: false, options: {} },
  { setting: COMPATIBILITY, tagged: false, options: {} },
  { setting: PAE, tagged: false, options: {} },
  { setting: PSE, tagged: false, options: {} },
  { setting: FOUR_LEVEL, tagged: true, options: { shadowFill: 'eager' } },
  { setting: PSE, tagged: false, options: { shadowFill: 'eager' } },
  { setting: FOUR_LEVEL, tagged: true, options: { shadowSync: 'write' } },
  { setting: PAE, tagged: false, options: { shadowSync: 'write' } },
  // So few that pages make room for others all the time.
  { setting: FOUR_LEVEL, tagged: true, options: { shadowPages: 16 } },
  { setting: PAE, tagged: false, options: { shadowPages: 16 } },
] as const;

describe.each(PLANS)(
  'under $setting.name, tagged $tagged, $options',
  ({ setting, tagged, options }) => {
    it('translations are true, or stale', () => {
      const rig = new ShadowRig(setting, { ramBytes: SPACE_RAM, ...options });
      const steps = fc.array(stepOf(setting, false), { minLength: 2, maxLength: 60, size: 'max' });
      fc.assert(
        fc.property(steps, (sequence) => {
          const scene = new Scene(rig, setting, tagged, false);
          for (const one of sequence) scene.run(one);
        }),
        { numRuns: Math.ceil('shadowFill' in options ? RUNS * EAGER_SHARE : RUNS) },
      );
    });
  },
);
