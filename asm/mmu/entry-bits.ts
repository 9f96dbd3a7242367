/** Paging-structure entries: the bits that all paging modes share. */

/** Physical address width, CPUID.80000008H:EAX[7:0]. */
export const PHYSICAL_BITS: u32 = 40;
/** Frame that an entry of 8 bytes names. */
export const FRAME: u64 = (((<u64>1) << PHYSICAL_BITS) - 1) & ~(<u64>0xfff);

export const PTE_P: u64 = 1 << 0; // present
export const PTE_RW: u64 = 1 << 1; // writable
export const PTE_US: u64 = 1 << 2; // user
export const PTE_A: u64 = 1 << 5; // accessed
export const PTE_D: u64 = 1 << 6; // dirty
export const PTE_PS: u64 = 1 << 7; // large page
export const PTE_XD: u64 = 1 << 63; // execute disable
