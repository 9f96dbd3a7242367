/** Which VMs a call is about: its last argument (Xen's public xen.h). No VM is privileged: it can name only itself. */

import { ESRCH } from './errors.ts';

const DOMID_SELF = 0x7ff0;
const DOMID_IO = 0x7ff1;
const DOMID_XEN = 0x7ff2;

/** The VMs that there are, by number. */
export interface Domains {
  has(number: number): boolean;
}

/** What may be named: the guest's own, device memory (DOMID_IO), or what exists and is refused. */
export type Named = 'own' | 'io' | 'refused';

/** Who owns pages that are mapped; an error number if there is no such VM. The VM's own number is no name for it. */
export function pageOwner(domid: number, own: number, domains: Domains): Named | typeof ESRCH {
  const number = domid & 0xffff;
  if (number === DOMID_SELF) return 'own';
  if (number === DOMID_IO) return 'io';
  if (number === DOMID_XEN) return 'refused';
  return number !== own && domains.has(number) ? 'refused' : ESRCH;
}

/** Who owns the tables of mmu_update: 0 for the VM itself, else one more than a number. */
export function tableOwner(field: number, own: number, domains: Domains): Named | typeof ESRCH {
  if (field === 0 || field - 1 === own) return 'own';
  return domains.has(field - 1) ? 'refused' : ESRCH;
}
