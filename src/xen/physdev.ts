/** Physical devices (physdev.h): names of operations, and of arguments what domains without any use. */

import { struct, u32 } from './structure.ts';

export const PHYSDEVOP = {
  irq_status_query: 5,
  set_iopl: 6,
  set_iobitmap: 7,
  apic_read: 8,
  apic_write: 9,
  alloc_irq_vector: 10,
  free_irq_vector: 11,
  eoi: 12,
  map_pirq: 13,
  unmap_pirq: 14,
  setup_gsi: 21,
  get_free_pirq: 23,
} as const;

export const PHYSDEV_SET_IOPL = struct('physdev_set_iopl', { iopl: u32 });
