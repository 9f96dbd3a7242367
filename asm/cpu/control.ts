/** Bits of the control registers and of EFER (SDM 3A 2.5 Control Registers, 2.2.1 EFER). */

export const CR0_PE: u32 = 1 << 0; // protection
export const CR0_MP: u32 = 1 << 1; // monitor coprocessor
export const CR0_EM: u32 = 1 << 2; // emulation
export const CR0_TS: u32 = 1 << 3; // task switched
export const CR0_ET: u32 = 1 << 4; // reads as 1
export const CR0_NE: u32 = 1 << 5; // numeric error
export const CR0_WP: u32 = 1 << 16; // supervisor obeys read-only pages
export const CR0_AM: u32 = 1 << 18; // alignment mask
export const CR0_NW: u32 = 1 << 29; // not write-through
export const CR0_CD: u32 = 1 << 30; // cache disable
export const CR0_PG: u32 = 1 << 31; // paging

export const CR4_VME: u32 = 1 << 0; // virtual-8086 extensions
export const CR4_PVI: u32 = 1 << 1; // protected-mode virtual interrupts
export const CR4_TSD: u32 = 1 << 2; // RDTSC for CPL 0 only
export const CR4_DE: u32 = 1 << 3; // debugging extensions
export const CR4_PSE: u32 = 1 << 4; // 4 MiB pages
export const CR4_PAE: u32 = 1 << 5; // 64-bit entries
export const CR4_MCE: u32 = 1 << 6; // machine check
export const CR4_PGE: u32 = 1 << 7; // global pages
export const CR4_PCE: u32 = 1 << 8; // RDPMC at any CPL
export const CR4_OSFXSR: u32 = 1 << 9; // FXSAVE
export const CR4_OSXMMEXCPT: u32 = 1 << 10; // #XM
export const CR4_UMIP: u32 = 1 << 11; // SGDT and its like for CPL 0 only
export const CR4_VMXE: u32 = 1 << 13; // VMXON
export const CR4_FSGSBASE: u32 = 1 << 16; // RDFSBASE and its like
export const CR4_PCIDE: u32 = 1 << 17; // process-context identifiers
export const CR4_SMEP: u32 = 1 << 20; // no supervisor fetch from user pages
export const CR4_SMAP: u32 = 1 << 21; // no supervisor data access to user pages
export const CR4_PKE: u32 = 1 << 22; // protection keys for user pages

export const EFER_SCE: u32 = 1 << 0; // SYSCALL
export const EFER_LME: u32 = 1 << 8; // long mode enable
export const EFER_LMA: u32 = 1 << 10; // long mode active
export const EFER_NXE: u32 = 1 << 11; // execute disable
