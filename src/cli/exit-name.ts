/** `EPT_VIOLATION`, `VMCALL mmu_update`: exits that are counted together. */

import type { ExitCount } from '../index.ts';

export function exitName({ reason, call }: ExitCount): string {
  return call === undefined ? reason : `${reason} ${call}`;
}
