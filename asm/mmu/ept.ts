/**
 * Extended page tables (SDM 3C 29.3 The Extended Page Table Mechanism): guest-physical to physical addresses, by
 * 4-level tables with pages of 4 KiB, 2 MiB and 1 GiB, accessed and dirty flags (29.3.5) and the page-modification
 * log (29.3.6). What IA32_VMX_EPT_VPID_CAP offers of it: pages that can be executed only, page-walk length 4, tables
 * in UC and WB memory, both large pages, accessed and dirty flags; not the advanced information of EPT violations.
 *
 * An access is told, as in bits 2:0 of the exit qualification, by the rights that it needs. One that is refused
 * leaves what its VM exit reports, and Ept.exit raises that; until then every other access fails too.
 *
 * Flags are set, and the log is written, only once the whole translation has succeeded.
 *
 * The paging-structure cache (EPT_CACHE) remembers for 2 MiB of guest-physical memory the table that holds their last
 * entries, and serves accesses for which nothing is left to do. All others, the refused ones among them, walk from the
 * root, so nothing but INVEPT needs to know of it. Entry: u64 tag, 0: none; u32 frame of the table; u16 rights of the
 * entries above; u16 shift. References count as if each had walked from the root.
 */

import { Event } from '../cpu/event';
import {
  COUNT_EPT_REFERENCES,
  EPT_CACHE,
  EPT_CACHE_BYTES,
  EPT_CACHE_ENTRIES,
  EPTP,
  PML_ADDRESS,
  PML_INDEX,
  PML_ON,
  TLB_DISABLED,
  VM_EXIT_GLA,
  VM_EXIT_GPA,
  VM_EXIT_QUALIFICATION,
} from '../layout';
import { FRAME, PHYSICAL_BITS } from './entry-bits';
import { NOWHERE } from './logical';
import { Physical } from './physical';

/** Bits 2:0 of an EPT entry, and the rights that an access needs. */
export const EPT_READ: u64 = 1 << 0;
export const EPT_WRITE: u64 = 1 << 1;
export const EPT_EXECUTE: u64 = 1 << 2;
const RIGHTS: u64 = EPT_READ | EPT_WRITE | EPT_EXECUTE;
/** Bits of the exit qualification, besides (SDM 3C table 28-7): the rights that the page has, from bit 3 on; */
const HAS_SHIFT: u64 = 3;
/** the linear address is valid; the access is to what it translates to, not to an entry of the guest's tables. */
export const GLA_VALID: u64 = 1 << 7;
export const GLA_TRANSLATED: u64 = 1 << 8;

/** An entry that maps a page: 5:3 memory type. */
const TYPE_SHIFT: u64 = 3;
const IGNORE_PAT: u64 = 1 << 6;
const PAGE: u64 = 1 << 7;
const ACCESSED: u64 = 1 << 8;
const DIRTY: u64 = 1 << 9;
/** EPTP: accessed and dirty flags are in use. */
export const EPTP_FLAGS: u64 = 1 << 6;
/** Bits above the physical address width up to 51. */
const TOO_HIGH: u64 = 0x000fffffffffffff & ~(((<u64>1) << PHYSICAL_BITS) - 1);
/** Set for each memory type that there is: UC, WC, WT, WP, WB. UC and WC overrule PAT. */
const WRITE_COMBINING: u32 = 1;
const TYPES: u32 = 0b1110011;

/** Basic exit reasons (SDM 3C appendix C). */
const EPT_VIOLATION: u32 = 48;
const EPT_MISCONFIGURATION: u32 = 49;
const PML_FULL: u32 = 62;
const PML_LAST: u32 = 511;

const TAG_VALID: u64 = 1 << 63;
const REGION: u64 = 21;

/** The exit that is due, 0: none. */
let refused: u32 = 0;
/** Addresses of the entries that the walk read, from the PML4E down; state of one walk only. */
let entry4: u64 = 0;
let entry3: u64 = 0;
let entry2: u64 = 0;
/** The entry that maps what was translated last. */
let leaf: u64 = 0;

export class Ept {
  /** HPA of `gpa` for an access that needs `rights`; NOWHERE if it is refused. `kind`: GLA_ bits of the qualification. */
  static translate(gpa: u64, rights: u64, kind: u64): u64 {
    if (refused != 0) return NOWHERE;
    const hpa = Ept.cached(gpa, rights);
    return hpa != NOWHERE ? hpa : Ept.walk(gpa, rights, kind);
  }

  /** An access was refused and not yet taken back. */
  @inline static isRefused(): bool {
    return refused != 0;
  }

  /** Raises the VM exit of the access that was refused, which was made for the linear address `gla`. */
  static exit(gla: u64): void {
    store<u64>(VM_EXIT_GLA, gla);
    Event.vmExit(refused);
    refused = 0;
  }

  static walk(gpa: u64, wanted: u64, kind: u64): u64 {
    let table = load<u64>(EPTP) & FRAME;
    let rights = RIGHTS;
    let shift: u64 = 39;
    while (true) {
      const place = Ept.place(table, gpa, shift);
      const entry = Physical.read(place, 8);
      store<u64>(COUNT_EPT_REFERENCES, load<u64>(COUNT_EPT_REFERENCES) + 1);
      if (!(entry & RIGHTS)) return Ept.violation(gpa, wanted, 0, kind);
      if (Ept.isMisconfigured(entry, shift)) return Ept.refuse(EPT_MISCONFIGURATION, gpa, 0);
      const above = rights;
      rights &= entry;
      if (Ept.isLeaf(entry, shift)) {
        if ((rights & wanted) != wanted) return Ept.violation(gpa, wanted, rights, kind);
        if (!Ept.mark(gpa, place, shift, (wanted & EPT_WRITE) != 0)) {
          return Ept.refuse(PML_FULL, gpa, 0);
        }
        Ept.keep(gpa, table, above, shift);
        return Ept.within(gpa, entry, shift);
      }
      Ept.note(shift, place);
      table = entry & FRAME;
      shift -= 9;
    }
  }

  @inline static place(table: u64, gpa: u64, shift: u64): u64 {
    return table + (((gpa >> shift) & 0x1ff) << 3);
  }
  /** HPA of `gpa` in the page that `entry` maps. */
  @inline static within(gpa: u64, entry: u64, shift: u64): u64 {
    const offset = ((<u64>1) << shift) - 1;
    leaf = entry;
    return (entry & FRAME & ~offset) | (gpa & offset);
  }
  /** The entry maps a page; it is not misconfigured. */
  @inline static isLeaf(entry: u64, shift: u64): bool {
    return shift == 12 || (entry & PAGE) != 0;
  }
  @inline static note(shift: u64, place: u64): void {
    if (shift == 21) entry2 = place;
    else if (shift == 30) entry3 = place;
    else entry4 = place;
  }

  /** SDM 3C 29.3.3.1 EPT Misconfigurations, of an entry that has some of the rights. */
  static isMisconfigured(entry: u64, shift: u64): bool {
    if ((entry & (EPT_READ | EPT_WRITE)) == EPT_WRITE) return true;
    if (entry & TOO_HIGH) return true;
    if (shift == 39) return (entry & 0xf8) != 0;
    if (!Ept.isLeaf(entry, shift)) return (entry & 0x78) != 0;
    if (!((TYPES >> (<u32>(entry >> TYPE_SHIFT) & 7)) & 1)) return true;
    return (entry & (((<u64>1) << shift) - 1) & ~(<u64>0xfff)) != 0;
  }

  /** Sets the flags that the access asks for; false, with none set, if the log is full. */
  static mark(gpa: u64, place: u64, shift: u64, write: bool): bool {
    if (!(load<u64>(EPTP) & EPTP_FLAGS)) return true;
    const flags = write ? ACCESSED | DIRTY : ACCESSED;
    const logs = load<u32>(PML_ON) != 0;
    if (logs && load<u32>(PML_INDEX) > PML_LAST) {
      let marked = Ept.has(place, flags) && Ept.has(entry4, ACCESSED);
      if (shift < 30) marked = marked && Ept.has(entry3, ACCESSED);
      if (shift < 21) marked = marked && Ept.has(entry2, ACCESSED);
      if (!marked) return false;
    }
    Ept.set(entry4, ACCESSED);
    if (shift < 30) Ept.set(entry3, ACCESSED);
    if (shift < 21) Ept.set(entry2, ACCESSED);
    const wasDirty = Ept.has(place, DIRTY);
    Ept.set(place, flags);
    if (logs && write && !wasDirty) Ept.log(gpa);
    return true;
  }
  static has(place: u64, flags: u64): bool {
    return (Physical.read(place, 8) & flags) == flags;
  }
  static set(place: u64, flags: u64): void {
    const entry = Physical.read(place, 8);
    if ((entry & flags) != flags) Physical.write(place, 8, entry | flags);
  }
  /** A page has become dirty. */
  static log(gpa: u64): void {
    const index = load<u32>(PML_INDEX);
    Physical.write(load<u64>(PML_ADDRESS) + (index << 3), 8, gpa & ~(<u64>0xfff));
    store<u32>(PML_INDEX, (index - 1) & 0xffff);
  }

  static violation(gpa: u64, wanted: u64, rights: u64, kind: u64): u64 {
    return Ept.refuse(EPT_VIOLATION, gpa, wanted | (rights << HAS_SHIFT) | kind);
  }
  static refuse(reason: u32, gpa: u64, qualification: u64): u64 {
    refused = reason;
    store<u64>(VM_EXIT_GPA, gpa);
    store<u64>(VM_EXIT_QUALIFICATION, qualification);
    return NOWHERE;
  }

  /** Memory type of the page that was translated last, as PAT numbers it, where it is not PAT's to decide; else -1. */
  static memoryType(): i32 {
    const type = <u32>(leaf >> TYPE_SHIFT) & 7;
    return (leaf & IGNORE_PAT) != 0 || type <= WRITE_COMBINING ? <i32>type : -1;
  }

  /** As Ept.translate if the cache has the table, and nothing is left to do; else NOWHERE. */
  static cached(gpa: u64, wanted: u64): u64 {
    const slot = Ept.slot(gpa);
    if (load<u64>(slot) != Ept.tag(gpa)) return NOWHERE;
    const shift = <u64>load<u16>(slot, 14);
    const entry = Physical.read(Ept.place((<u64>load<u32>(slot, 8)) << 12, gpa, shift), 8);
    let needed = wanted;
    if (load<u64>(EPTP) & EPTP_FLAGS) {
      needed |= wanted & EPT_WRITE ? ACCESSED | DIRTY : ACCESSED;
    }
    const above = <u64>load<u16>(slot, 12) | ~RIGHTS;
    if ((entry & above & needed) != needed || !Ept.isLeaf(entry, shift)) return NOWHERE;
    if (Ept.isMisconfigured(entry, shift)) return NOWHERE;
    const references = (48 - shift) / 9;
    store<u64>(COUNT_EPT_REFERENCES, load<u64>(COUNT_EPT_REFERENCES) + references);
    return Ept.within(gpa, entry, shift);
  }

  /** The last entry for `gpa` lies in `table`, below entries that together give the rights `above`. */
  static keep(gpa: u64, table: u64, above: u64, shift: u64): void {
    if (load<u32>(TLB_DISABLED) != 0) return;
    const slot = Ept.slot(gpa);
    store<u64>(slot, Ept.tag(gpa));
    store<u32>(slot, <u32>(table >> 12), 8);
    store<u16>(slot, <u16>above, 12);
    store<u16>(slot, <u16>shift, 14);
  }

  @inline static slot(gpa: u64): usize {
    return EPT_CACHE + ((<u32>(gpa >> REGION) & (EPT_CACHE_ENTRIES - 1)) << 4);
  }
  /** The root with whether it has flags, and the 2 MiB. */
  @inline static tag(gpa: u64): u64 {
    return TAG_VALID | ((load<u64>(EPTP) & (FRAME | EPTP_FLAGS)) << 20) | (gpa >> REGION);
  }
  /** Drops all that is remembered of guest-physical addresses. */
  static forget(): void {
    memory.fill(EPT_CACHE, 0, EPT_CACHE_BYTES);
  }
}
