/** Paging-structure entries: the bits that all paging modes share, and access to them in memory. */

import { COUNT_WALK_REFERENCES } from '../layout';
import { GuestPhysical } from './guest-physical';

/** Physical address width, CPUID.80000008H:EAX[7:0]. */
export const PHYSICAL_BITS: u32 = 40;
/** Frame that an entry of 8 bytes names. */
export const FRAME: u64 = (((<u64>1) << PHYSICAL_BITS) - 1) & ~(<u64>0xfff);

export const PTE_P: u64 = 1 << 0; // present
export const PTE_RW: u64 = 1 << 1; // writable
export const PTE_US: u64 = 1 << 2; // user
export const PTE_A: u64 = 1 << 5; // accessed
export const PTE_D: u64 = 1 << 6; // dirty
export const PTE_PS: u64 = 1 << 7; // large page
export const PTE_XD: u64 = 1 << 63; // execute disable

export class Entry {
  /** Reads the entry of `size` (4, 8) bytes at the physical `address` for a walk. */
  @inline static read(address: u64, size: u32): u64 {
    store<u64>(COUNT_WALK_REFERENCES, load<u64>(COUNT_WALK_REFERENCES) + 1);
    return GuestPhysical.read(address, size);
  }

  /** Sets `bits` (A, D) in the entry at `address`, if they are clear. */
  @inline static set(address: u64, size: u32, bits: u64): void {
    const entry = GuestPhysical.read(address, size);
    if ((entry & bits) != bits) GuestPhysical.write(address, size, entry | bits);
  }
}
