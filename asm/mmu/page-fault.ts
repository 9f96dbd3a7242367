/** A walk that fails: the error code (SDM 3A 4.7 Page-Fault Exceptions) and the note of what was read. */

import { CR4_PAE, CR4_SMEP, EFER_NXE } from '../cpu/control';
import { Event } from '../cpu/event';
import { Why } from '../gen/why';
import { CR4, EFER, PAGING_MODE, WALK_ERROR, WHY_LEVEL } from '../layout';
import { Want } from './access-rights';
import { PagingMode } from './paging-mode';

export const PF_P: u32 = 1 << 0; // protection, not absence
const PF_W: u32 = 1 << 1; // write
const PF_U: u32 = 1 << 2; // user mode
const PF_RSVD: u32 = 1 << 3; // reserved bit set
const PF_I: u32 = 1 << 4; // instruction fetch
export const PF_PK: u32 = 1 << 5; // protection key

export class PageFault {
  /** The entry of `level` (1 PTE .. 4 PML4E) at `address` is not present. False, as all of these. */
  static absent(want: Want, user: bool, level: u32, address: u64, entry: u64): bool {
    return PageFault.fail(Why.PageNotPresent, 0, want, user, level, address, entry);
  }

  /** The entry has a reserved bit set. */
  static reserved(want: Want, user: bool, level: u32, address: u64, entry: u64): bool {
    const bits = PF_P | PF_RSVD;
    return PageFault.fail(Why.PageReservedBit, bits, want, user, level, address, entry);
  }

  /** Leaves the error code, `bits` of it being known, in WALK_ERROR; the entry is the one that decided. */
  static fail(
    why: Why,
    bits: u32,
    want: Want,
    user: bool,
    level: u32,
    address: u64,
    entry: u64,
  ): bool {
    let error = bits;
    if (want == Want.Write) error |= PF_W;
    if (user) error |= PF_U;
    if (want == Want.Fetch && PageFault.tellsFetch()) error |= PF_I;
    store<u32>(WALK_ERROR, error);
    PageFault.note(why, level, load<u32>(PAGING_MODE), address, entry);
    return false;
  }

  /** Notes the entry of `mode` that was read. */
  static note(why: Why, level: u32, mode: PagingMode, address: u64, entry: u64): void {
    Event.why(why, address, entry, 0);
    store<u32>(WHY_LEVEL, level | (mode << 8));
  }

  /** Bit I/D exists: with SMEP, or where entries have XD. */
  static tellsFetch(): bool {
    const cr4 = load<u32>(CR4);
    if (cr4 & CR4_SMEP) return true;
    return (cr4 & CR4_PAE) != 0 && (load<u32>(EFER) & EFER_NXE) != 0;
  }
}
