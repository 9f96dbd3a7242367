/** Loading RFLAGS from memory or a register: which bits may change (SDM 2B POPF, 2A IRET). */

import { CPL, RFLAGS } from '../layout';
import { Context } from '../mmu/context';
import { AC, DF, Flags, ID, IF, IOPL, NT, RF, STATUS, TF, VIF, VIP } from './flags';
import { Privilege } from './privilege';

export class SystemFlags {
  /** Bits that POPF of `size` bytes may change at the running CPL and IOPL. */
  @inline static writable(size: u32): u32 {
    const cpl = load<u32>(CPL);
    let mask: u32 = STATUS | TF | DF | NT;
    if (cpl <= Privilege.iopl()) mask |= IF;
    if (cpl == 0) mask |= IOPL;
    return size > 2 ? mask | AC | ID : mask;
  }

  /** The same for IRET. */
  @inline static returnable(size: u32): u32 {
    const mask = SystemFlags.writable(size);
    if (size == 2) return mask;
    return load<u32>(CPL) == 0 ? mask | RF | VIF | VIP : mask | RF;
  }

  /** Takes the bits of `mask` from `image`. Status flags that stay or go as a whole need no computing. */
  @inline static load(image: u64, mask: u32): void {
    const before = load<u32>(RFLAGS);
    const taken = image & <u64>mask;
    if ((mask & STATUS) == 0) store<u64>(RFLAGS, (<u64>load<u32>(RFLAGS) & ~(<u64>mask)) | taken);
    else if ((mask & STATUS) == STATUS)
      Flags.setImage((<u64>load<u32>(RFLAGS) & ~(<u64>mask)) | taken);
    else Flags.setImage((Flags.image() & ~(<u64>mask)) | taken);
    if ((before ^ load<u32>(RFLAGS)) & AC) Context.refresh();
  }
}
