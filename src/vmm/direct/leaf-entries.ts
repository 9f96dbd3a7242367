/** Present L1 entries: what they map. */

import { ERRNO } from '../../xen/errno.ts';
import type { Domain } from './domain.ts';
import { TYPE_WRITABLE } from './frame-table.ts';
import { frameOf, L1_DISALLOWED, PTE_P, PTE_RW } from './pte.ts';

/** The frame that guests write when they mean none: all ones. */
const INVALID_FRAME = 2 ** 40 - 1;

/** Whose frames an entry may map: the guest's own, or (DOMID_IO) device memory only, of which it has none. */
export type PageOwner = 'own' | 'io';

/** Counts the use that the entry makes of what it maps; an error number if it may not map it. */
export function useLeaf(domain: Domain, low: number, high: number, owner: PageOwner): number {
  if ((low & L1_DISALLOWED) !== 0) return -ERRNO.EINVAL;
  const frame = frameOf(low, high);
  if (!domain.frames.exists(frame)) return frame === INVALID_FRAME ? -ERRNO.EINVAL : -ERRNO.EPERM;
  if (owner === 'io' || !domain.use(frame)) return -ERRNO.EBUSY;
  if ((low & PTE_RW) === 0 || domain.frames.useAs(frame, TYPE_WRITABLE, domain.flush)) return 0;
  domain.drop(frame);
  return -ERRNO.EBUSY;
}

/** Gives it up again. */
export function dropLeaf({ frames, flush }: Domain, low: number, high: number): void {
  if ((low & PTE_P) === 0) return;
  const frame = frameOf(low, high);
  if ((low & PTE_RW) !== 0) frames.dropType(frame, flush);
  frames.drop(frame, flush);
}
