/** What a domain needs of its memory technique. */

import type { AddressSpaces } from './guest-entry.ts';
import type { GuestSpace } from './guest-space.ts';
import type { HypercallTable } from './hypercall.ts';
import type { GuestFault } from './para-engine.ts';

export interface ParaMemory extends AddressSpaces {
  readonly space: GuestSpace;
  /** The calls that are about page tables and descriptors. */
  readonly calls: HypercallTable;
  /** The kernel begins on the tables at `root`, as the guest names frames; an error number if they are not valid. */
  start(root: number): number;
  /** Serves a fault of which the guest is not to hear; false if it is the guest's. */
  serve(fault: GuestFault): boolean;
}
