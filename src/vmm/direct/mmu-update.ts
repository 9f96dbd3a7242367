/** HYPERVISOR_mmu_update: entries of page tables by HPA, and of the table of machine to physical frames. */

import type { BatchEntries } from './batches.ts';
import type { Domain } from './domain.ts';
import type { EntryUpdates } from './entry-updates.ts';
import { EINVAL, ENOSYS, EPERM } from './errors.ts';
import { type Domains, type Named, pageOwner, tableOwner } from './foreign-domain.ts';
import type { MachineToPhys } from './machine-to-phys.ts';

/** Lower bits of an entry's address; the two commands not named here do the same as the first one. */
const MMU_NORMAL_PT_UPDATE = 0;
const MMU_MACHPHYS_UPDATE = 1;
const MMU_PT_UPDATE_PRESERVE_AD = 2;
const MMU_PT_UPDATE_NO_TRANSLATE = 3;
const COMMAND_MASK = 7;

const PAGE_BYTES = 4096;

export class MmuUpdate implements BatchEntries {
  /** struct mmu_update: u64 ptr, u64 val. */
  readonly entry = new DataView(new ArrayBuffer(16));
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
    const command = entry.getUint32(0, true) & COMMAND_MASK;
    const place = entry.getUint32(4, true) * 2 ** 32 + entry.getUint32(0, true) - command;
    switch (command) {
      case MMU_MACHPHYS_UPDATE:
        return this.#setNumber(place, entry.getBigUint64(8, true));
      case MMU_NORMAL_PT_UPDATE:
      case MMU_PT_UPDATE_PRESERVE_AD:
      case MMU_PT_UPDATE_NO_TRANSLATE:
        return this.#update(place, command === MMU_PT_UPDATE_PRESERVE_AD);
      default:
        return ENOSYS;
    }
  }

  count(entries: number, isNew: boolean): void {
    const { counters } = this.#domain;
    counters.mmuUpdateEntries += entries;
    if (isNew) counters.mmuUpdates++;
  }

  #update(place: number, keepsAccessed: boolean): number {
    if (this.#tables !== 'own' || this.#pages === 'refused') return EPERM;
    if (!this.#isOwn(place)) return EINVAL;
    const low = this.entry.getUint32(8, true);
    const high = this.entry.getUint32(12, true);
    return this.#updates.update({ place, low, high, keepsAccessed, owner: this.#pages });
  }

  #setNumber(place: number, number: bigint): number {
    if (this.#tables !== 'own' || this.#pages === 'refused') return EPERM;
    if (this.#pages === 'io' || !this.#isOwn(place)) return EINVAL;
    this.#machineToPhys.set(Math.floor(place / PAGE_BYTES), number);
    return 0;
  }

  #isOwn(place: number): boolean {
    return this.#domain.frames.isOwned(Math.floor(place / PAGE_BYTES), this.#domain.number);
  }
}
