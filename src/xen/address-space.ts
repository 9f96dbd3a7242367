/** Where the hypervisor lies in every address space, and there the table of pfn by mfn (xen-x86_64.h). */

export const HYPERVISOR_VIRT_START = 0xffff_8000_0000_0000n;
export const HYPERVISOR_VIRT_END = 0xffff_8800_0000_0000n;
export const MACH2PHYS_VIRT_START = 0xffff_8000_0000_0000n;
export const MACH2PHYS_VIRT_END = 0xffff_8040_0000_0000n;

/** Below these lies the lower half of the addresses that a processor knows; above the upper half begins with the hypervisor's. */
const LOWER_END = 0x8000_0000_0000n;
const TOP = 1n << 64n;

/** The address is a guest's: canonical, and not the hypervisor's. */
export function isGuestAddress(va: bigint): boolean {
  return va < LOWER_END || va >= HYPERVISOR_VIRT_END;
}

/** A guest may have memory in the whole range; `end` is behind it. */
export function isGuestRange(start: bigint, end: bigint): boolean {
  return end <= LOWER_END || (start >= HYPERVISOR_VIRT_END && end <= TOP);
}

/** Bits 63:47 of the address are the same. */
export function isCanonical(address: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
}
