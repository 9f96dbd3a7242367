/** The paging mode in use (SDM 3A 4.1.1 Four Paging Modes). */

import { CR0_PG, CR4_PAE, CR4_PSE, EFER_LME } from '../cpu/control';
import { CR0, CR4, EFER, PAGING_MODE } from '../layout';

/** Values of PAGING_MODE. 32-bit paging counts as two: CR4.PSE decides whether PS is looked at. */
export enum PagingMode {
  Off = 0,
  Bits32 = 1,
  Bits32Pse = 2,
  Pae = 3,
  FourLevel = 4,
}

export class Paging {
  /** The mode that CR0 and CR4 with these values select, with EFER as it is. */
  static select(cr0: u32, cr4: u32): PagingMode {
    if (!(cr0 & CR0_PG)) return PagingMode.Off;
    if (!(cr4 & CR4_PAE)) return cr4 & CR4_PSE ? PagingMode.Bits32Pse : PagingMode.Bits32;
    return load<u32>(EFER) & EFER_LME ? PagingMode.FourLevel : PagingMode.Pae;
  }

  /** CR0, CR4 or EFER changed. */
  static update(): void {
    store<u32>(PAGING_MODE, Paging.select(load<u32>(CR0), load<u32>(CR4)));
  }
}
