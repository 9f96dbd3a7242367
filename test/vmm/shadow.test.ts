/**
 * Page tables are edited by the guest and by devices, and accesses, invalidations and changes of registers follow in any
 * order, under shadow page tables: what the guest finds is what a processor of its own could find. Between an edit and
 * its invalidation that is the old or the new translation, after it the new one.
 */

import { describe, it } from 'vitest';
import { FUZZ_TIMEOUT, fuzz } from '../fuzz/progress.ts';
import { SPACE_RAM, spaceOf } from '../mmu/address-space.ts';
import { sequences } from '../mmu/sequence.ts';
import { COMPATIBILITY, FOUR_LEVEL, NO_PSE, PAE, PSE } from '../mmu/settings.ts';
import { ShadowRig } from './shadow-rig.ts';

/** Filling all entries at every load of CR3 takes its time. */
const EAGER = { shadowFill: 'eager' } as const;
/** Tables that are never out of sync. */
const EQUAL = { shadowSync: 'write' } as const;
/** So few that pages make room for others all the time. */
const CROWDED = { shadowPages: 16 } as const;

const PLANS = [
  { setting: FOUR_LEVEL, options: {}, runs: 2000 },
  { setting: COMPATIBILITY, options: {}, runs: 1000 },
  { setting: PAE, options: {}, runs: 1500 },
  { setting: PSE, options: {}, runs: 1500 },
  { setting: NO_PSE, options: {}, runs: 500 },
  { setting: FOUR_LEVEL, options: EQUAL, runs: 500 },
  { setting: PAE, options: EQUAL, runs: 300 },
  { setting: FOUR_LEVEL, options: CROWDED, runs: 1000 },
  { setting: PAE, options: CROWDED, runs: 500 },
  { setting: PSE, options: CROWDED, runs: 500 },
  { setting: FOUR_LEVEL, options: EAGER, runs: 100 },
  { setting: PSE, options: EAGER, runs: 100 },
] as const;
const ALL_RUNS = PLANS.reduce((sum, { runs }) => sum + runs, 0);
/** Of what `make fuzz` asks for, one in so many is a sequence. */
const SHARE = 5;

describe.each(PLANS)('under $setting.name, $options', ({ setting, options, runs }) => {
  it(
    'translations are true, or stale',
    async () => {
      const rig = new ShadowRig(setting, { ramBytes: SPACE_RAM, ...options });
      const check = sequences(rig, spaceOf(setting), { hasKeys: false, isTlbDisabled: false });
      const name = `shadow ${setting.name} ${JSON.stringify(options)}`;
      await fuzz({ name, runs, share: (SHARE * ALL_RUNS) / runs }, check);
    },
    FUZZ_TIMEOUT,
  );
});
