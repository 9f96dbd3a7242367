/**
 * The page walk: 4-level paging (SDM 3A 4.5), access rights (4.6), page-fault error codes (4.7),
 * accessed and dirty flags (4.8). Pure of the TLB: Walk.translate reads tables and nothing else.
 *
 * Accessed flags are set only once the whole translation has succeeded, as in Bochs.
 */

import { CR0_WP, CR4_PKE, CR4_SMAP, CR4_SMEP, EFER_NXE } from '../cpu/control';
import { Event } from '../cpu/event';
import { AC } from '../cpu/flags';
import { Why } from '../gen/why';
import {
  COUNT_TLB_MISSES,
  COUNT_WALK_REFERENCES,
  CR0,
  CR3,
  CR4,
  EFER,
  PKRU,
  RFLAGS,
  WALK_ERROR,
  WALK_HPA,
  WALK_SHIFT,
  WALK_WRITABLE,
  WHY_LEVEL,
} from '../layout';
import { Physical } from './physical';

/** Physical address width, CPUID.80000008H:EAX[7:0]. */
export const PHYSICAL_BITS: u32 = 40;
const ADDRESS: u64 = (((<u64>1) << PHYSICAL_BITS) - 1) & ~(<u64>0xfff);
/** Bits above the physical address width up to 51. */
const TOO_HIGH: u64 = 0x000fffffffffffff & ~(((<u64>1) << PHYSICAL_BITS) - 1);

const PTE_P: u64 = 1 << 0; // present
const PTE_RW: u64 = 1 << 1; // writable
const PTE_US: u64 = 1 << 2; // user
const PTE_A: u64 = 1 << 5; // accessed
const PTE_D: u64 = 1 << 6; // dirty
const PTE_PS: u64 = 1 << 7; // large page
const PTE_XD: u64 = 1 << 63; // execute disable

const PF_P: u32 = 1 << 0; // protection, not absence
const PF_W: u32 = 1 << 1; // write
const PF_U: u32 = 1 << 2; // user mode
const PF_RSVD: u32 = 1 << 3; // reserved bit set
const PF_I: u32 = 1 << 4; // instruction fetch
const PF_PK: u32 = 1 << 5; // protection key

/** What an access wants; also how it is told to the walker. */
export enum Want {
  Read = 0,
  Write = 1,
  Fetch = 2,
}

/** Addresses of the entries that the walk read, from PML4E down; module state of one walk only. */
let entry4: u64 = 0;
let entry3: u64 = 0;
let entry2: u64 = 0;
let entry1: u64 = 0;

export class Walk {
  /**
   * Translates canonical `gva` for an access. `user`: made at CPL 3 and not implicit; `implicit`: to a
   * system structure, so that EFLAGS.AC does not lift SMAP. On success WALK_HPA, WALK_SHIFT and
   * WALK_WRITABLE are set and A/D updated; else WALK_ERROR is the error code and false is returned.
   */
  static translate(gva: u64, want: Want, user: bool, implicit: bool): bool {
    store<u64>(COUNT_TLB_MISSES, load<u64>(COUNT_TLB_MISSES) + 1);
    let table = load<u64>(CR3) & ADDRESS;
    let rights: u64 = PTE_RW | PTE_US;
    let noExecute: u64 = 0;
    let shift: u32 = 39;
    const nxe = (load<u32>(EFER) & EFER_NXE) != 0;
    while (true) {
      const address = table + (((gva >> shift) & 0x1ff) << 3);
      const entry = Physical.read(address, 8);
      store<u64>(COUNT_WALK_REFERENCES, load<u64>(COUNT_WALK_REFERENCES) + 1);
      Walk.note(shift, address);
      if (!(entry & PTE_P))
        return Walk.fail(Why.PageNotPresent, 0, want, user, shift, address, entry);
      const leaf = shift == 12 || (shift < 39 && (entry & PTE_PS) != 0);
      if (Walk.reserved(entry, shift, leaf, nxe)) {
        return Walk.fail(Why.PageReservedBit, PF_P | PF_RSVD, want, user, shift, address, entry);
      }
      rights &= entry;
      noExecute |= entry & PTE_XD;
      if (leaf) {
        const why = Walk.denied(rights, noExecute, entry, want, user, implicit);
        if (why != Why.None) {
          const key = Walk.keyForbids(rights, entry, want, user) ? PF_PK : 0;
          return Walk.fail(why, PF_P | key, want, user, shift, address, entry);
        }
        Walk.finish(gva, entry, shift, want, rights);
        return true;
      }
      table = entry & ADDRESS;
      shift -= 9;
    }
  }

  @inline static note(shift: u32, address: u64): void {
    if (shift == 12) entry1 = address;
    else if (shift == 21) entry2 = address;
    else if (shift == 30) entry3 = address;
    else entry4 = address;
  }

  /** Reserved bits of an entry (SDM 3A tables 4-15 to 4-20). */
  @inline static reserved(entry: u64, shift: u32, leaf: bool, nxe: bool): bool {
    let mask = TOO_HIGH;
    if (!nxe) mask |= PTE_XD;
    if (shift == 39) mask |= PTE_PS;
    else if (leaf && shift > 12) mask |= (((<u64>1) << shift) - 1) & ~(<u64>0x1fff);
    return (entry & mask) != 0;
  }

  /** Why the access is refused, or Why.None (SDM 3A 4.6.1, 4.6.2). */
  static denied(
    rights: u64,
    noExecute: u64,
    leaf: u64,
    want: Want,
    user: bool,
    implicit: bool,
  ): Why {
    const cr4 = load<u32>(CR4);
    const userPage = (rights & PTE_US) != 0;
    if (user && !userPage) return Why.PageSupervisor;
    if (want == Want.Fetch) {
      if (noExecute != 0) return Why.PageNoExecute;
      return !user && userPage && (cr4 & CR4_SMEP) != 0 ? Why.PageSmep : Why.None;
    }
    if (!user && userPage && (cr4 & CR4_SMAP) != 0) {
      if (implicit || (load<u32>(RFLAGS) & AC) == 0) return Why.PageSmap;
    }
    if (want == Want.Write && !(rights & PTE_RW) && Walk.obeysReadOnly(user))
      return Why.PageReadOnly;
    return Walk.keyForbids(rights, leaf, want, user) ? Why.PageProtectionKey : Why.None;
  }

  @inline static obeysReadOnly(user: bool): bool {
    return user || (load<u32>(CR0) & CR0_WP) != 0;
  }

  /** The protection key of a user page forbids the data access (SDM 3A 4.6.2). */
  static keyForbids(rights: u64, leaf: u64, want: Want, user: bool): bool {
    if (!(rights & PTE_US) || want == Want.Fetch || (load<u32>(CR4) & CR4_PKE) == 0) return false;
    const disabled = load<u32>(PKRU) >> ((<u32>(leaf >> 59) & 15) << 1);
    if (disabled & 1) return true;
    return want == Want.Write && (disabled & 2) != 0 && Walk.obeysReadOnly(user);
  }

  /** Builds the error code (SDM 3A 4.7) and notes what was read. */
  static fail(
    why: Why,
    bits: u32,
    want: Want,
    user: bool,
    shift: u32,
    address: u64,
    entry: u64,
  ): bool {
    let error = bits;
    if (want == Want.Write) error |= PF_W;
    if (user) error |= PF_U;
    if (want == Want.Fetch) {
      const told = (load<u32>(EFER) & EFER_NXE) != 0 || (load<u32>(CR4) & CR4_SMEP) != 0;
      if (told) error |= PF_I;
    }
    store<u32>(WALK_ERROR, error);
    Event.why(why, address, entry, 0);
    store<u32>(WHY_LEVEL, (shift - 3) / 9);
    return false;
  }

  /** The translation is good: sets A and D where they are clear, and leaves the result. */
  static finish(gva: u64, leaf: u64, shift: u32, want: Want, rights: u64): void {
    Walk.setBits(entry4, PTE_A);
    if (shift < 39 && shift != 30) Walk.setBits(entry3, PTE_A);
    if (shift == 12) Walk.setBits(entry2, PTE_A);
    const place = shift == 12 ? entry1 : shift == 21 ? entry2 : entry3;
    Walk.setBits(place, want == Want.Write ? PTE_A | PTE_D : PTE_A);
    const within = ((<u64>1) << shift) - 1;
    store<u64>(WALK_HPA, (leaf & ADDRESS & ~within) | (gva & within));
    store<u32>(WALK_SHIFT, shift);
    store<u32>(WALK_WRITABLE, rights & PTE_RW ? 1 : 0);
  }

  @inline static setBits(address: u64, bits: u64): void {
    const entry = Physical.read(address, 8);
    if ((entry & bits) != bits) Physical.write(address, 8, entry | bits);
  }
}
