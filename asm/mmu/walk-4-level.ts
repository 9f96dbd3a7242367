/**
 * The walk of 4-level paging (SDM 3A 4.5), with protection keys (4.6.2) and accessed and dirty flags (4.8).
 */

import { CR4_PKE, EFER_NXE } from '../cpu/control';
import { Why } from '../gen/why';
import { CR3, CR4, EFER, PKRU, WALK_HPA, WALK_LEAF, WALK_SHIFT } from '../layout';
import { AccessRights, Want } from './access-rights';
import {
  Entry,
  FRAME,
  PHYSICAL_BITS,
  PTE_A,
  PTE_D,
  PTE_P,
  PTE_PS,
  PTE_RW,
  PTE_US,
  PTE_XD,
} from './entry';
import { PageFault, PF_P, PF_PK } from './page-fault';

/** Bits above the physical address width up to 51. */
const TOO_HIGH: u64 = 0x000fffffffffffff & ~(((<u64>1) << PHYSICAL_BITS) - 1);

/** Addresses of the entries that the walk read, from PML4E down; module state of one walk only. */
let entry4: u64 = 0;
let entry3: u64 = 0;
let entry2: u64 = 0;
let entry1: u64 = 0;

export class Walk4Level {
  /** As Walk.translate. */
  static translate(gva: u64, want: Want, user: bool, implicit: bool): bool {
    let table = load<u64>(CR3) & FRAME;
    let rights: u64 = PTE_RW | PTE_US;
    let noExecute: u64 = 0;
    let shift: u32 = 39;
    const nxe = (load<u32>(EFER) & EFER_NXE) != 0;
    while (true) {
      const address = table + (((gva >> shift) & 0x1ff) << 3);
      const entry = Entry.read(address, 8);
      Walk4Level.note(shift, address);
      if (!(entry & PTE_P))
        return PageFault.absent(want, user, Walk4Level.level(shift), address, entry);
      const leaf = shift == 12 || (shift < 39 && (entry & PTE_PS) != 0);
      if (Walk4Level.reserved(entry, shift, leaf, nxe)) {
        return PageFault.reserved(want, user, Walk4Level.level(shift), address, entry);
      }
      rights &= entry;
      noExecute |= entry & PTE_XD;
      if (leaf) {
        const barred = Walk4Level.keyForbids(rights, entry, want, user);
        let why = AccessRights.denied(rights, noExecute, want, user, implicit);
        if (why == Why.None && barred) why = Why.PageProtectionKey;
        if (why != Why.None) {
          const bits = barred ? PF_P | PF_PK : PF_P;
          return PageFault.fail(why, bits, want, user, Walk4Level.level(shift), address, entry);
        }
        Walk4Level.finish(gva, entry, shift, want);
        return true;
      }
      table = entry & FRAME;
      shift -= 9;
    }
  }

  @inline static level(shift: u32): u32 {
    return (shift - 3) / 9;
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

  /** The protection key of a user page forbids the data access (SDM 3A 4.6.2). */
  static keyForbids(rights: u64, leaf: u64, want: Want, user: bool): bool {
    if (!(rights & PTE_US) || want == Want.Fetch || (load<u32>(CR4) & CR4_PKE) == 0) return false;
    const disabled = load<u32>(PKRU) >> ((<u32>(leaf >> 59) & 15) << 1);
    if (disabled & 1) return true;
    return want == Want.Write && (disabled & 2) != 0 && AccessRights.obeysReadOnly(user);
  }

  /** The translation is good: sets A and D where they are clear, and leaves the result. */
  static finish(gva: u64, leaf: u64, shift: u32, want: Want): void {
    Entry.set(entry4, 8, PTE_A);
    if (shift < 39 && shift != 30) Entry.set(entry3, 8, PTE_A);
    if (shift == 12) Entry.set(entry2, 8, PTE_A);
    const place = shift == 12 ? entry1 : shift == 21 ? entry2 : entry3;
    Entry.set(place, 8, want == Want.Write ? PTE_A | PTE_D : PTE_A);
    const within = ((<u64>1) << shift) - 1;
    store<u64>(WALK_HPA, (leaf & FRAME & ~within) | (gva & within));
    store<u32>(WALK_SHIFT, shift);
    store<u32>(WALK_LEAF, <u32>leaf);
  }
}
