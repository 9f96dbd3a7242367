/**
 * HYPERVISOR_mmu_update of a translated domain: entries of its page tables by GPA, in place of the guest's own writes. What
 * they hold is the guest's affair.
 */

import { ERRNO } from '../../../../xen/errno.ts';
import { MMU, MMU_UPDATE } from '../../../../xen/mmu.ts';
import type { BatchEntries } from '../../../direct/batches.ts';
import type { DirectCounters } from '../../../direct/counters.ts';
import { type Domains, pageOwner, tableOwner } from '../../../direct/foreign-domain.ts';
import { PTE_A, PTE_D } from '../../../direct/pte.ts';
import { PAGE_SIZE } from '../../../frames.ts';
import type { GuestMemory } from '../../../guest-memory.ts';

const COMMAND_MASK = 7n;
const ACCESSED = BigInt(PTE_A | PTE_D);
const { ptr: PTR, val: VAL } = MMU_UPDATE.offsets;

export interface TranslatedUpdateParts {
  readonly memory: GuestMemory;
  readonly counters: DirectCounters;
  readonly number: number;
  readonly domains: Domains;
}

export class TranslatedUpdate implements BatchEntries {
  readonly entry = new DataView(new ArrayBuffer(MMU_UPDATE.size));
  readonly #parts: TranslatedUpdateParts;
  #isRefused = false;

  constructor(parts: TranslatedUpdateParts) {
    this.#parts = parts;
  }

  check(foreign: number): number {
    const { number, domains } = this.#parts;
    const tables = tableOwner(foreign >>> 16, number, domains);
    if (typeof tables === 'number') return tables;
    const pages = pageOwner(foreign, number, domains);
    if (typeof pages === 'number') return pages;
    this.#isRefused = tables !== 'own' || pages !== 'own';
    return 0;
  }

  perform(): number {
    const { entry } = this;
    const { memory } = this.#parts;
    const ptr = entry.getBigUint64(PTR, true);
    const command = Number(ptr & COMMAND_MASK);
    if (command > MMU.PT_UPDATE_NO_TRANSLATE) return -ERRNO.ENOSYS;
    if (this.#isRefused) return -ERRNO.EPERM;
    const place = Number(ptr & ~COMMAND_MASK);
    // There is no table of machine to physical frames.
    if (command === MMU.MACHPHYS_UPDATE || !memory.holds(Math.floor(place / PAGE_SIZE))) {
      return -ERRNO.EINVAL;
    }
    const value = entry.getBigUint64(VAL, true);
    const kept = command === MMU.PT_UPDATE_PRESERVE_AD ? memory.readU64(place) & ACCESSED : 0n;
    memory.writeU64(place, value | kept);
    return 0;
  }

  count(entries: number, isNew: boolean): void {
    const { counters } = this.#parts;
    counters.mmuUpdateEntries += entries;
    if (isNew) counters.mmuUpdates++;
  }
}
