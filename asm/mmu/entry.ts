/** Paging-structure entries: access to them in memory. */

import { COUNT_WALK_REFERENCES } from '../layout';
import { GuestPhysical } from './guest-physical';

export * from './entry-bits';

export class Entry {
  /** Reads the entry of `size` (4, 8) bytes at the physical `address` for a walk; 0 where EPT refuses. */
  @inline static read(address: u64, size: u32): u64 {
    store<u64>(COUNT_WALK_REFERENCES, load<u64>(COUNT_WALK_REFERENCES) + 1);
    return GuestPhysical.read(address, size);
  }

  /** Sets `bits` (A, D) in the entry at `address`, if they are clear. */
  @inline static set(address: u64, size: u32, bits: u64): void {
    GuestPhysical.set(address, size, bits);
  }
}
