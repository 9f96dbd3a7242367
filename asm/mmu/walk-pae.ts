/**
 * The walk of PAE paging (SDM 3A 4.4): a PDPTE register, then page directory and page table with entries of
 * 8 bytes. 4 KiB and 2 MiB pages. PDPTEs have no access rights and no accessed flag (mmu/pdptes.ts loads them).
 */

import { EFER_NXE } from '../cpu/control';
import { Why } from '../gen/why';
import { EFER, PDPTES, WALK_HPA, WALK_LEAF, WALK_SHIFT } from '../layout';
import { AccessRights, Want } from './access-rights';
import { Entry, FRAME, PHYSICAL_BITS, PTE_A, PTE_D, PTE_P, PTE_PS, PTE_XD } from './entry';
import { PageFault, PF_P } from './page-fault';

/** Bits above the physical address width up to 62: none is free, unlike in 4-level paging. */
const TOO_HIGH: u64 = ~PTE_XD & ~(((<u64>1) << PHYSICAL_BITS) - 1);
/** Address bits of a 2 MiB page that must be 0; bit 12 is PAT. */
const LARGE_RESERVED: u64 = 0x1fe000;
const LARGE: u64 = 0x1fffff;

export class WalkPae {
  /** As Walk.translate. */
  static translate(gva: u32, want: Want, user: bool, implicit: bool): bool {
    const number: usize = gva >> 30;
    const pdpte = load<u64>(PDPTES + (number << 3));
    if (!(pdpte & PTE_P))
      return PageFault.fail(Why.PdpteNotPresent, 0, want, user, 3, number, pdpte);
    const reserved = load<u32>(EFER) & EFER_NXE ? TOO_HIGH : TOO_HIGH | PTE_XD;

    const pdeAt = (pdpte & FRAME) + (((gva >> 21) & 0x1ff) << 3);
    const pde = Entry.read(pdeAt, 8);
    if (!(pde & PTE_P)) return PageFault.absent(want, user, 2, pdeAt, pde);
    if (pde & PTE_PS) {
      if (pde & (reserved | LARGE_RESERVED)) return PageFault.reserved(want, user, 2, pdeAt, pde);
      const why = AccessRights.denied(pde, pde & PTE_XD, want, user, implicit);
      if (why != Why.None) return PageFault.fail(why, PF_P, want, user, 2, pdeAt, pde);
      return WalkPae.finish(pdeAt, pde, pde & FRAME & ~LARGE, gva, 21, want);
    }
    if (pde & reserved) return PageFault.reserved(want, user, 2, pdeAt, pde);

    const pteAt = (pde & FRAME) + (((gva >> 12) & 0x1ff) << 3);
    const pte = Entry.read(pteAt, 8);
    if (!(pte & PTE_P)) return PageFault.absent(want, user, 1, pteAt, pte);
    if (pte & reserved) return PageFault.reserved(want, user, 1, pteAt, pte);
    const why = AccessRights.denied(pde & pte, (pde | pte) & PTE_XD, want, user, implicit);
    if (why != Why.None) return PageFault.fail(why, PF_P, want, user, 1, pteAt, pte);
    Entry.set(pdeAt, 8, PTE_A);
    return WalkPae.finish(pteAt, pte, pte & FRAME, gva, 12, want);
  }

  /** Sets A and D in the entry `leaf` at `place`, which maps `page`, and leaves the result. */
  @inline static finish(place: u64, leaf: u64, page: u64, gva: u32, shift: u32, want: Want): bool {
    Entry.set(place, 8, want == Want.Write ? PTE_A | PTE_D : PTE_A);
    store<u64>(WALK_HPA, page | (gva & (((<u32>1) << shift) - 1)));
    store<u32>(WALK_SHIFT, shift);
    store<u32>(WALK_LEAF, <u32>leaf);
    return true;
  }
}
