/** HYPERVISOR_set_segment_base: bases of FS and GS, and the selector that user code has in GS. */

import { ERRNO } from '../../../xen/errno.ts';
import { SEGBASE } from '../../../xen/segments.ts';
import { type HypercallTable, u32Of } from '../hypercall.ts';

/** The segments of the virtual processor, which is in kernel mode. */
export interface SegmentBases {
  setFs(base: bigint): void;
  /** GS of user code, which a return to it loads. */
  setUserGs(base: bigint): void;
  setKernelGs(base: bigint): void;
  /** Loads user code's GS with the segment of a selector, or with the null selector if that faults. */
  loadUserGs(selector: number): void;
}

const RPL_MASK = 3;

export function segmentBaseCalls(bases: SegmentBases): HypercallTable {
  return { set_segment_base: ([which, base]) => setSegmentBase(bases, u32Of(which), base) };
}

function setSegmentBase(bases: SegmentBases, which: number, base: bigint): number {
  if (which === SEGBASE.GS_USER_SEL) {
    bases.loadUserGs(userSelector(Number(BigInt.asUintN(16, base))));
    return 0;
  }
  if (which > SEGBASE.GS_USER_SEL || !isCanonical(base)) return -ERRNO.EINVAL;
  if (which === SEGBASE.FS) bases.setFs(base);
  else if (which === SEGBASE.GS_USER) bases.setUserGs(base);
  else bases.setKernelGs(base);
  return 0;
}

/** All but null selectors get RPL 3. */
function userSelector(selector: number): number {
  return selector > RPL_MASK ? selector | RPL_MASK : selector;
}

function isCanonical(va: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, va)) === va;
}
