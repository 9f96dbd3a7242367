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
    const table = <u64>(cr3 & TABLE);
    for (let n: u32 = 0; n < COUNT; n++) {
      const address = table + (n << 3);
      const entry = GuestPhysical.readPdpte(address);
      if (Ept.isRefused()) {
        Ept.exit(0);
        return false;
      }
      if ((entry & PTE_P) != 0 && (entry & RESERVED) != 0) {
        PageFault.note(Why.PdpteReserved, 3, PagingMode.Pae, address, entry);
        return false;
      }
    }
    for (let n: u32 = 0; n < COUNT; n++) {
      store<u64>(PDPTES + (n << 3), GuestPhysical.readPdpte(table + (n << 3)));
    }
    return true;
  }
}
