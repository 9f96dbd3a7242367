/**
 * Tables are edited, and accesses and invalidations follow in any order: a translation that has gone may be
 * used until it is invalidated, and never after. TLB_DISABLED allows none at all. It is the same in VMX non-root
 * operation, over EPT and under a VPID.
 */

import { describe, it } from 'vitest';
import { FUZZ_TIMEOUT, fuzz } from '../fuzz/progress.ts';
import { SPACE_RAM, spaceOf } from './address-space.ts';
import { IdentityRig } from './ept-identity.ts';
import { Rig } from './rig.ts';
import { sequences } from './sequence.ts';
import { COMPATIBILITY, FOUR_LEVEL, NO_PSE, PAE, PSE } from './settings.ts';

const PLANS = [FOUR_LEVEL, COMPATIBILITY, PAE, PSE, NO_PSE].flatMap((setting) => [
  { setting, way: 'with the TLB', isTlbDisabled: false },
  { setting, way: 'without it', isTlbDisabled: true },
  { setting, way: 'over EPT', isTlbDisabled: false },
]);
/** Of what `make fuzz` asks for, one in so many is a sequence. */
const SHARE = 10;

describe.each(PLANS)('edits under $setting.name, $way', ({ setting, way, isTlbDisabled }) => {
  it(
    'are seen after every invalidation',
    async () => {
      const rig = way === 'over EPT' ? new IdentityRig(SPACE_RAM) : new Rig(SPACE_RAM);
      const check = sequences(rig, spaceOf(setting), { hasKeys: true, isTlbDisabled });
      await fuzz(
        { name: `TLB ${setting.name} ${way}`, runs: 300, share: SHARE * PLANS.length },
        check,
      );
    },
    FUZZ_TIMEOUT,
  );
});
