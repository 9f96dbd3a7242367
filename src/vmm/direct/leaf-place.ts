/** Where the L1 entry of an address lies. */

import { isGuestAddress } from '../../xen/address-space.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { Domain } from './domain.ts';
import { ENTRY_BYTES, frameOf, linearOf, PTE_P, slotOf } from './pte.ts';

/** HPA of the L1 entry of `va` under the kernel's root; undefined if no table holds one. */
export function leafPlace({ entries, kernelRoot }: Domain, va: bigint): number | undefined {
  if (kernelRoot === 0 || !isGuestAddress(va)) return undefined;
  const linear = linearOf(va);
  let frame = kernelRoot;
  for (let level = 4; ; level--) {
    const place = frame * PAGE_SIZE + slotOf(linear, level) * ENTRY_BYTES;
    if (level === 1) return place;
    const low = entries.low(place);
    if ((low & PTE_P) === 0) return undefined;
    frame = frameOf(low, entries.high(place));
  }
}
