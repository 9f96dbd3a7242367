/** Changes of a valid VMCS that make its guest one of another kind, for tests of the checks. */

import type { FieldChange } from '../check.ts';

export const EPT = { ENABLE_EPT: 1n, EPT_POINTER: 0x1_001en } as const;

/** A guest in 32-bit protected mode, with 32-bit paging. */
export const LEGACY_GUEST = {
  IA_32E_MODE_GUEST: 0n,
  GUEST_CR4: 0x2000n,
  GUEST_CS_ACCESS_RIGHTS: 0xc09bn,
} as const;

export const VIRTUAL_8086_GUEST: FieldChange = {
  ...LEGACY_GUEST,
  GUEST_RFLAGS: 0x2_0002n,
  ...Object.fromEntries(
    ['CS', 'SS', 'DS', 'ES', 'FS', 'GS'].flatMap((name) => [
      [`GUEST_${name}_SELECTOR`, 0x100n],
      [`GUEST_${name}_BASE`, 0x1000n],
      [`GUEST_${name}_LIMIT`, 0xffffn],
      [`GUEST_${name}_ACCESS_RIGHTS`, 0xf3n],
    ]),
  ),
};
