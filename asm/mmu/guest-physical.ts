/**
 * Guest-physical memory: what the physical addresses of page tables mean where they are not those of the machine.
 *
 * In VMX non-root operation with EPT (GUEST_MAP is BY_EPT) they go through the tables of mmu/ept.ts, which may refuse.
 *
 * A VMM emulates instructions by running them on this core with the state of the virtual processor, under the
 * guest's own page tables. GUEST_MAP then tells where the guest's memory lies: a u32 for each of its GUEST_FRAMES
 * frames, the frame of the machine << 2 and the MAP_ bits. What it does not give to RAM goes to the host as
 * EMULATED | GPA. With a map that has no frames physical addresses are those of the machine, and all that instructions write
 * goes to the host, while the walker sets A and D in place.
 */

import { BY_EPT, COUNT_EPT_REFERENCES, EPTP, GUEST_FRAMES, GUEST_MAP, WALK_HPA } from '../layout';
import { Want } from './access-rights';
import {
  EPT_EXECUTE,
  EPT_READ,
  EPT_WRITE,
  EPTP_FLAGS,
  Ept,
  GLA_TRANSLATED,
  GLA_VALID,
} from './ept';
import { NOWHERE } from './logical';
import { Physical } from './physical';

/** The frame is RAM; writes to it go to the host all the same. */
const MAP_RAM: u32 = 1;
const MAP_WATCHED: u32 = 2;
/** Marks a GPA that the host is asked about: above what page tables name, below LOCAL_APIC. */
export const EMULATED: u64 = 1 << 42;

export class GuestPhysical {
  /** Puts the HPA of what the walker has found into WALK_HPA, where EPT is in use; false if EPT refuses the access. */
  @inline static settle(want: Want): bool {
    return load<u32>(GUEST_MAP) != BY_EPT || GuestPhysical.settleNested(want);
  }
  static settleNested(want: Want): bool {
    const rights = want == Want.Write ? EPT_WRITE : want == Want.Fetch ? EPT_EXECUTE : EPT_READ;
    const hpa = Ept.translate(load<u64>(WALK_HPA), rights, GLA_VALID | GLA_TRANSLATED);
    store<u64>(WALK_HPA, hpa);
    return hpa != NOWHERE;
  }

  /** HPA of what the walker has found and `settle` has settled at `address`, for a write, or else a read or fetch. */
  @inline static locate(address: u64, write: bool): u64 {
    return load<u32>(GUEST_MAP) <= BY_EPT ? address : GuestPhysical.mapped(address, write);
  }

  static mapped(gpa: u64, write: bool): u64 {
    const frame = gpa >> 12;
    // The local APIC, and what was found before.
    if (gpa >= EMULATED) return gpa;
    if (load<u32>(GUEST_FRAMES) == 0) return write ? EMULATED | gpa : gpa;
    if (frame >= <u64>load<u32>(GUEST_FRAMES)) return EMULATED | gpa;
    const entry = load<u32>(load<u32>(GUEST_MAP) + ((<u32>frame) << 2));
    const needed = write ? MAP_RAM | MAP_WATCHED : MAP_RAM;
    const direct = (entry & needed) == MAP_RAM;
    return direct ? ((<u64>(entry >> 2)) << 12) | (gpa & 0xfff) : EMULATED | gpa;
  }

  /** Reads a paging-structure entry of `size` (4, 8) bytes; 0, which is not present, if EPT refuses. */
  @inline static read(address: u64, size: u32): u64 {
    if (load<u32>(GUEST_MAP) == 0) return Physical.read(address, size);
    return GuestPhysical.readThere(address, size);
  }
  static readThere(gpa: u64, size: u32): u64 {
    if (load<u32>(GUEST_MAP) != BY_EPT)
      return Physical.read(GuestPhysical.mapped(gpa, false), size);
    // With flags for EPT, accesses to the guest's tables count as writes (SDM 3C 29.3.3.2).
    const flags = (load<u64>(EPTP) & EPTP_FLAGS) != 0;
    return GuestPhysical.readBy(gpa, size, flags ? EPT_READ | EPT_WRITE : EPT_READ, GLA_VALID);
  }
  static readBy(gpa: u64, size: u32, rights: u64, kind: u64): u64 {
    const hpa = Ept.translate(gpa, rights, kind);
    return hpa == NOWHERE ? 0 : Physical.read(hpa, size);
  }

  /** Reads a PDPTE for its register: no part of a walk, so that not even EPT with flags takes it for a write. */
  static readPdpte(address: u64): u64 {
    if (load<u32>(GUEST_MAP) != BY_EPT) return GuestPhysical.read(address, 8);
    return GuestPhysical.readBy(address, 8, EPT_READ, 0);
  }

  /** Sets `bits` (A, D) in the paging-structure entry at `address`, if they are clear and EPT lets it. */
  @inline static set(address: u64, size: u32, bits: u64): void {
    if (load<u32>(GUEST_MAP) != 0) {
      GuestPhysical.setThere(address, size, bits);
      return;
    }
    const entry = Physical.read(address, size);
    if ((entry & bits) != bits) Physical.write(address, size, entry | bits);
  }
  static setThere(gpa: u64, size: u32, bits: u64): void {
    // Part of the reference that the walk has counted.
    const references = load<u64>(COUNT_EPT_REFERENCES);
    const entry = GuestPhysical.read(gpa, size);
    if ((entry & bits) != bits) {
      const hpa = GuestPhysical.locateEntry(gpa);
      if (hpa != NOWHERE) Physical.write(hpa, size, entry | bits);
    }
    store<u64>(COUNT_EPT_REFERENCES, references);
  }
  static locateEntry(gpa: u64): u64 {
    if (load<u32>(GUEST_MAP) == BY_EPT) return Ept.translate(gpa, EPT_READ | EPT_WRITE, GLA_VALID);
    return GuestPhysical.mapped(gpa, load<u32>(GUEST_FRAMES) != 0);
  }
}
