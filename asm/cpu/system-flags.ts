/** Loading RFLAGS from memory or a register: which bits may change (SDM 2B POPF, 2A IRET). */

import { AC, DF, Flags, ID, IF, IOPL, NT, STATUS, TF } from './flags';
import { Privilege } from './privilege';
import { CPL, RFLAGS } from '../layout';
import { Context } from '../mmu/context';

export class SystemFlags {
  /** Bits that POPF and IRET of `size` bytes may change at the running CPL and IOPL. */
  static writable(size: u32): u32 {
    const cpl = load<u32>(CPL);
    let mask: u32 = STATUS | TF | DF | NT;
    if (cpl <= Privilege.iopl()) mask |= IF;
    if (cpl == 0) mask |= IOPL;
    return size > 2 ? mask | AC | ID : mask;
  }

  /** Takes the bits of `mask` from `image`. */
  static load(image: u64, mask: u32): void {
    const before = load<u32>(RFLAGS);
    Flags.setImage((Flags.image() & ~(<u64>mask)) | (image & <u64>mask));
    if ((before ^ load<u32>(RFLAGS)) & AC) Context.refresh();
  }
}
