/**
 * The four PDPTE registers of PAE paging (SDM 3A 4.4.1 PDPTE Registers): loaded from the table that CR3
 * names by the MOVs that ControlWrite lets load them, and used by every walk until the next load.
 */

import { Why } from '../gen/why';
import { PDPTES } from '../layout';
import { PHYSICAL_BITS, PTE_P } from './entry-bits';
import { Ept } from './ept';
import { GuestPhysical } from './guest-physical';
import { PageFault } from './page-fault';
import { PagingMode } from './paging-mode';

/** Bits of a present PDPTE that must be 0: 2:1, 8:5 and those above the physical address width. */
const RESERVED: u64 = 0x1e6 | ~(((<u64>1) << PHYSICAL_BITS) - 1);
/** CR3 bits that name the table. */
const TABLE: u32 = 0xffffffe0;
const COUNT: u32 = 4;

export class Pdptes {
  /**
   * Loads the registers; false, with none changed, if an entry has a reserved bit set, of which a note is made, or
   * EPT refuses to have one read, which raises.
   */
  static load(cr3: u32): bool {
    for (let n: u32 = 0; n < COUNT; n++) {
      const entry = Pdptes.read(cr3, n);
      if (Ept.isRefused()) {
        Ept.exit(0);
        return false;
      }
      if (!Pdptes.isValid(entry)) {
        PageFault.note(Why.PdpteReserved, 3, PagingMode.Pae, Pdptes.address(cr3, n), entry);
        return false;
      }
    }
    for (let n: u32 = 0; n < COUNT; n++) store<u64>(PDPTES + (n << 3), Pdptes.read(cr3, n));
    return true;
  }

  static address(cr3: u32, n: u32): u64 {
    return <u64>(cr3 & TABLE) + (n << 3);
  }
  /** Entry `n` of the table that CR3 names. */
  static read(cr3: u32, n: u32): u64 {
    return GuestPhysical.readPdpte(Pdptes.address(cr3, n));
  }
  /** It is not present, or has no reserved bit set. */
  static isValid(entry: u64): bool {
    return (entry & PTE_P) == 0 || (entry & RESERVED) == 0;
  }
}
