/** Domain numbers with a meaning of their own (xen.h). */

export const DOMID = {
  FIRST_RESERVED: 0x7ff0, // ordinary domains have smaller ones
  SELF: 0x7ff0,
  IO: 0x7ff1,
  XEN: 0x7ff2,
  COW: 0x7ff3,
  INVALID: 0x7ff4,
  IDLE: 0x7fff,
  MASK: 0x7fff,
} as const;
