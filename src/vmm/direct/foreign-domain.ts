/** Which VMs a call is about: its last argument. No VM is privileged: it can name only itself. */

import { DOMID } from '../../xen/domid.ts';
import { ERRNO } from '../../xen/errno.ts';

/** The VMs that there are, by number. */
export interface Domains {
  has(number: number): boolean;
}

/** The VMM has the backends of devices, as a domain that is no VM. */
export const BACKEND_DOMAIN = 0;

/** What may be named: the guest's own, device memory (DOMID_IO), or what exists and is refused. */
export type Named = 'own' | 'io' | 'refused';

/** Who owns pages that are mapped; an error number if there is no such VM. The VM's own number is no name for it. */
export function pageOwner(domid: number, own: number, domains: Domains): Named | number {
  const number = domid & 0xffff;
  if (number === DOMID.SELF) return 'own';
  if (number === DOMID.IO) return 'io';
  if (number === DOMID.XEN) return 'refused';
  return number !== own && domains.has(number) ? 'refused' : -ERRNO.ESRCH;
}

/** A VM that a call is about, which names itself by its number as well: 0, or an error number if it is another one or none. */
export function checkSelf(domid: number, own: number, domains: Domains): number {
  if (domid === DOMID.SELF || domid === own) return 0;
  return domains.has(domid) ? -ERRNO.EPERM : -ERRNO.ESRCH;
}

/** Who owns the tables of mmu_update: 0 for the VM itself, else one more than a number. */
export function tableOwner(field: number, own: number, domains: Domains): Named | number {
  if (field === 0 || field - 1 === own) return 'own';
  return domains.has(field - 1) ? 'refused' : -ERRNO.ESRCH;
}

/** The VM of a number, which may be the VM's own, or that of the backends. */
export function domainOf(number: number, own: number, domains: Domains): Named | number {
  if (number === own) return 'own';
  return number === BACKEND_DOMAIN || domains.has(number) ? 'refused' : -ERRNO.ESRCH;
}

/** An error number if it is not the VM itself that is meant, by its number or without one. */
export function foreignError(domid: number, own: number, domains: Domains): number {
  const named = domid === DOMID.SELF ? 'own' : domainOf(domid, own, domains);
  if (typeof named === 'number') return named;
  return named === 'own' ? 0 : -ERRNO.EPERM;
}
