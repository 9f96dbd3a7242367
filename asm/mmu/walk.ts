/**
 * The page walk: what every access that misses the TLB goes through. Pure of the TLB: Walk.translate reads
 * the paging structures of the mode in use, and nothing else. One file per mode: walk-4-level.ts,
 * walk-pae.ts, walk-32-bit.ts.
 *
 * Accessed flags are set only once the whole translation has succeeded, as in Bochs.
 */

import {
  BY_EPT,
  COUNT_TLB_MISSES,
  GUEST_MAP,
  PAGING_MODE,
  WALK_HPA,
  WALK_LEAF,
  WALK_SHIFT,
} from '../layout';
import { Want } from './access-rights';
import { PagingMode } from './paging-mode';
import { Walk4Level } from './walk-4-level';
import { Walk32Bit } from './walk-32-bit';
import { WalkPae } from './walk-pae';

export class Walk {
  /**
   * Translates `gva` (canonical; below 4 GiB outside IA-32e mode) for an access. `user`: made at CPL 3 and
   * not implicit; `implicit`: to a system structure, so that EFLAGS.AC does not lift SMAP. On success
   * WALK_HPA (a GPA where GUEST_MAP is not 0), WALK_SHIFT and WALK_LEAF are set and A/D updated; else WALK_ERROR is the
   * error code and false is returned. Either may come with a refusal by EPT (mmu/ept.ts), which goes first.
   */
  @inline static translate(gva: u64, want: Want, user: bool, implicit: bool): bool {
    const mode = load<u32>(PAGING_MODE);
    if (mode == PagingMode.Off) return Walk.identity(gva);
    store<u64>(COUNT_TLB_MISSES, load<u64>(COUNT_TLB_MISSES) + 1);
    if (mode == PagingMode.FourLevel) return Walk4Level.translate(gva, want, user, implicit);
    if (mode == PagingMode.Pae) return WalkPae.translate(<u32>gva, want, user, implicit);
    return Walk32Bit.translate(<u32>gva, want, user, implicit);
  }

  /** Without paging linear addresses are physical ones. With EPT this is a walk all the same. */
  static identity(gva: u64): bool {
    if (load<u32>(GUEST_MAP) == BY_EPT)
      store<u64>(COUNT_TLB_MISSES, load<u64>(COUNT_TLB_MISSES) + 1);
    store<u64>(WALK_HPA, gva);
    store<u32>(WALK_SHIFT, 12);
    store<u32>(WALK_LEAF, 0);
    return true;
  }
}
