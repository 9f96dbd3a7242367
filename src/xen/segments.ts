/** Selectors of the flat segments in every GDT, the part of it that is the hypervisor's, bases (xen-x86_64.h, arch-x86/xen.h). */

export const FLAT = {
  RING3_CS32: 0xe023,
  RING3_CS64: 0xe033,
  RING3_DS32: 0xe02b,
  RING3_DS64: 0,
  RING3_SS32: 0xe02b,
  RING3_SS64: 0xe02b,
  KERNEL_CS: 0xe033,
  KERNEL_DS: 0,
  KERNEL_SS: 0xe02b,
  USER_CS: 0xe033,
  USER_DS: 0,
  USER_SS: 0xe02b,
} as const;

export const FIRST_RESERVED_GDT_PAGE = 14;
export const FIRST_RESERVED_GDT_BYTE = 0xe000;
export const FIRST_RESERVED_GDT_ENTRY = 0x1c00;

/** `which` of set_segment_base. */
export const SEGBASE = { FS: 0, GS_USER: 1, GS_KERNEL: 2, GS_USER_SEL: 3 } as const;
