/**
 * The walk of 32-bit paging (SDM 3A 4.3): page directory and page table with entries of 4 bytes. With CR4.PSE
 * a PDE can map a page of 4 MiB, of which PSE-36 gives physical address bits 39:32; without, its PS is ignored.
 */

import { Why } from '../gen/why';
import { CR3, PAGING_MODE, WALK_HPA, WALK_LEAF, WALK_SHIFT } from '../layout';
import { AccessRights, Want } from './access-rights';
import { Entry, PTE_A, PTE_D, PTE_P, PTE_PS } from './entry';
import { PageFault, PF_P } from './page-fault';
import { PagingMode } from './paging-mode';

const FRAME32: u64 = 0xfffff000;
/** PDE of a 4 MiB page: 31:22 address bits 31:22, 21 must be 0, 20:13 address bits 39:32, 12 PAT. */
const LARGE_RESERVED: u64 = 1 << 21;
const LARGE_FRAME: u64 = 0xffc00000;

export class Walk32Bit {
  /** As Walk.translate. */
  static translate(gva: u32, want: Want, user: bool, implicit: bool): bool {
    const pdeAt = (<u64>load<u32>(CR3) & FRAME32) + ((gva >> 22) << 2);
    const pde = Entry.read(pdeAt, 4);
    if (!(pde & PTE_P)) return PageFault.absent(want, user, 2, pdeAt, pde);
    if ((pde & PTE_PS) != 0 && load<u32>(PAGING_MODE) == PagingMode.Bits32Pse) {
      if (pde & LARGE_RESERVED) return PageFault.reserved(want, user, 2, pdeAt, pde);
      const why = AccessRights.denied(pde, 0, want, user, implicit);
      if (why != Why.None) return PageFault.fail(why, PF_P, want, user, 2, pdeAt, pde);
      const page = (pde & LARGE_FRAME) | (((pde >> 13) & 0xff) << 32);
      return Walk32Bit.finish(pdeAt, pde, page, gva, 22, want);
    }

    const pteAt = (pde & FRAME32) + (((gva >> 12) & 0x3ff) << 2);
    const pte = Entry.read(pteAt, 4);
    if (!(pte & PTE_P)) return PageFault.absent(want, user, 1, pteAt, pte);
    const why = AccessRights.denied(pde & pte, 0, want, user, implicit);
    if (why != Why.None) return PageFault.fail(why, PF_P, want, user, 1, pteAt, pte);
    Entry.set(pdeAt, 4, PTE_A);
    return Walk32Bit.finish(pteAt, pte, pte & FRAME32, gva, 12, want);
  }

  /** Sets A and D in the entry `leaf` at `place`, which maps `page`, and leaves the result. */
  @inline static finish(place: u64, leaf: u64, page: u64, gva: u32, shift: u32, want: Want): bool {
    Entry.set(place, 4, want == Want.Write ? PTE_A | PTE_D : PTE_A);
    store<u64>(WALK_HPA, page | (gva & (((<u32>1) << shift) - 1)));
    store<u32>(WALK_SHIFT, shift);
    store<u32>(WALK_LEAF, <u32>leaf);
    return true;
  }
}
