/** The hypervisor's console (xen.h), and the guest's own: a page of two rings (io/console.h). */

import { bytes, struct, u32 } from './structure.ts';

export const CONSOLEIO = { write: 0, read: 1 } as const;

/** Indices run freely: a byte's place is its index modulo the size of the ring. The guest produces `out`. */
export const XENCONS_INTERFACE = struct('xencons_interface', {
  in: bytes(1024),
  out: bytes(2048),
  in_cons: u32,
  in_prod: u32,
  out_cons: u32,
  out_prod: u32,
});
