/** HYPERVISOR_mmu_update: entries of page tables by HPA, and of the table of machine to physical frames. */

import { ERRNO } from '../../xen/errno.ts';
import { MMU, MMU_UPDATE } from '../../xen/mmu.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { BatchEntries } from './batches.ts';
import type { Domain } from './domain.ts';
import type { EntryUpdates } from './entry-updates.ts';
import { type Domains, type Named, pageOwner, tableOwner } from './foreign-domain.ts';
import type { MachineToPhys } from './machine-to-phys.ts';

/** Bits of `ptr` that are 0 in the address of an entry: Xen takes the command from all of them. */
const COMMAND_MASK = 7;
const { ptr: PTR, val: VAL } = MMU_UPDATE.offsets;

export class MmuUpdate implements BatchEntries {
  /** An MMU_UPDATE, read by halves as entries of tables are (pte.ts). */
  readonly entry = new DataView(new ArrayBuffer(MMU_UPDATE.size));
  readonly #domain: Domain;
  readonly #updates: EntryUpdates;
  readonly #machineToPhys: MachineToPhys;
  readonly #domains: Domains;
  #tables: Named = 'own';
  #pages: Named = 'own';

  constructor(
    domain: Domain,
    updates: EntryUpdates,
    machineToPhys: MachineToPhys,
    domains: Domains,
  ) {
    this.#domain = domain;
    this.#updates = updates;
    this.#machineToPhys = machineToPhys;
    this.#domains = domains;
  }

  check(foreign: number): number {
    const own = this.#domain.number;
    const tables = tableOwner(foreign >>> 16, own, this.#domains);
    if (typeof tables === 'number') return tables;
    const pages = pageOwner(foreign, own, this.#domains);
    if (typeof pages === 'number') return pages;
    this.#tables = tables;
    this.#pages = pages;
    return 0;
  }

  perform(): number {
    const { entry } = this;
    const command = entry.getUint32(PTR, true) & COMMAND_MASK;
    const place = entry.getUint32(PTR + 4, true) * 2 ** 32 + entry.getUint32(PTR, true) - command;
    switch (command) {
      case MMU.MACHPHYS_UPDATE:
        return this.#setNumber(place, entry.getBigUint64(VAL, true));
      case MMU.NORMAL_PT_UPDATE:
      case MMU.PT_UPDATE_PRESERVE_AD:
      case MMU.PT_UPDATE_NO_TRANSLATE:
        return this.#update(place, command === MMU.PT_UPDATE_PRESERVE_AD);
      default:
        return -ERRNO.ENOSYS;
    }
  }

  count(entries: number, isNew: boolean): void {
    const { counters } = this.#domain;
    counters.mmuUpdateEntries += entries;
    if (isNew) counters.mmuUpdates++;
  }

  #update(place: number, keepsAccessed: boolean): number {
    if (this.#tables !== 'own' || this.#pages === 'refused') return -ERRNO.EPERM;
    if (!this.#isOwn(place)) return -ERRNO.EINVAL;
    const low = this.entry.getUint32(VAL, true);
    const high = this.entry.getUint32(VAL + 4, true);
    return this.#updates.update({ place, low, high, keepsAccessed, owner: this.#pages });
  }

  #setNumber(place: number, number: bigint): number {
    if (this.#tables !== 'own' || this.#pages === 'refused') return -ERRNO.EPERM;
    if (this.#pages === 'io' || !this.#isOwn(place)) return -ERRNO.EINVAL;
    this.#machineToPhys.set(Math.floor(place / PAGE_SIZE), number);
    return 0;
  }

  #isOwn(place: number): boolean {
    return this.#domain.frames.isOwned(Math.floor(place / PAGE_SIZE), this.#domain.number);
  }
}
