/**
 * When a value of a domain that sees machine addresses says the same as one of a domain with frame numbers of its own: they are
 * equal, or one is a frame number, an address or an entry of a page table whose frame the M2P leads to that of the other.
 */

import { FIRST_XEN_SLOT, PTE_P } from '../vmm/direct/pte.ts';
import type { PvDomain } from '../vmm/para/pv-domain.ts';
import { MACH2PHYS_VIRT_END, MACH2PHYS_VIRT_START } from '../xen/address-space.ts';

const FRAME_SHIFT = 12n;
const FRAME_MASK = 0xf_ffff_ffff_f000n;
const LOW_32 = 0xffff_ffffn;
const ENTRY_BYTES = 8n;
/**
 * U/S, A, D, G and bit 52 of an entry: the VMM sets U/S, G and bit 52 where the processor walks the guest's tables, and when a
 * processor sets A and D depends on what it has cached.
 */
const ENTRY_FLAGS = 0x164n | (1n << 52n);

export class TranslatedValues {
  readonly #direct: PvDomain;
  readonly #shadow: PvDomain;

  constructor(direct: PvDomain, shadow: PvDomain) {
    this.#direct = direct;
    this.#shadow = shadow;
  }

  /** A 64-bit value of the direct domain agrees with one of the shadow domain; in halves, if it is no whole. */
  agree(direct: bigint, shadow: bigint): boolean {
    if (direct === shadow || this.#areWhole(direct, shadow)) return true;
    return (
      this.#areHalf(direct & LOW_32, shadow & LOW_32) && this.#areHalf(direct >> 32n, shadow >> 32n)
    );
  }

  /** `direct` is what the VMM has written as word `n` of a page that is, or was, an L4 table. */
  isHypervisorSlot(n: number, direct: bigint): boolean {
    return direct !== 0n && this.#direct.paging.slotEntries[n - FIRST_XEN_SLOT] === direct;
  }

  #areWhole(direct: bigint, shadow: bigint): boolean {
    return (
      this.#isFrame(direct, shadow) ||
      this.#isAddress(direct, shadow) ||
      this.#isTablePlace(direct, shadow)
    );
  }

  #areHalf(direct: bigint, shadow: bigint): boolean {
    return direct === shadow || this.#isFrame(direct, shadow) || this.#areFeatures(direct, shadow);
  }

  #isFrame(direct: bigint, shadow: bigint): boolean {
    return direct <= LOW_32 && this.#pfnOf(Number(direct)) === Number(shadow);
  }

  #isAddress(direct: bigint, shadow: bigint): boolean {
    if (((direct ^ shadow) & ~FRAME_MASK & ~ENTRY_FLAGS) !== 0n) return false;
    // An entry of which the guest has translated the frame, or its flags by themselves.
    const isSameFrame = ((direct ^ shadow) & FRAME_MASK) === 0n;
    if (isSameFrame && (direct & BigInt(PTE_P)) !== 0n) return true;
    return this.#isFrame(
      (direct & FRAME_MASK) >> FRAME_SHIFT,
      (shadow & FRAME_MASK) >> FRAME_SHIFT,
    );
  }

  /** Where a number is found for a frame: in the M2P, or in the list of frames, which leads each to itself. */
  #isTablePlace(direct: bigint, shadow: bigint): boolean {
    if (direct < MACH2PHYS_VIRT_START || direct >= MACH2PHYS_VIRT_END) return false;
    const [from, to] = [direct - MACH2PHYS_VIRT_START, shadow - this.#shadow.frameList];
    return from === to || (to >= 0n && this.#isFrame(from / ENTRY_BYTES, to / ENTRY_BYTES));
  }

  /** What xen_version says that there is. */
  #areFeatures(direct: bigint, shadow: bigint): boolean {
    return (
      Number(direct) === this.#direct.paging.features &&
      Number(shadow) === this.#shadow.paging.features
    );
  }

  /** The shadow domain's number for a frame of the direct one, which has the shared info page apart. */
  #pfnOf(frame: number): number | undefined {
    const { paging, sharedInfo } = this.#direct;
    return frame === sharedInfo ? this.#shadow.sharedInfo : paging.pfnOf(frame);
  }
}
