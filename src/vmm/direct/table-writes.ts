/**
 * Writes of the guest's kernel to its L1 tables, for a guest that wants to write to them as if it could
 * (VMASST_TYPE_writable_pagetables; Xen: arch/x86/pv/ro-page-fault.c). They are mapped read-only: a write faults, the VMM
 * finds out what it writes, and the entry is checked as one that a call gives. Tables of other levels are no matter of
 * this.
 */

import { PAGE_SHIFT } from '../frames.ts';
import type { Domain } from './domain.ts';
import type { EntryUpdates } from './entry-updates.ts';
import { TYPE_L1 } from './frame-table.ts';
import { leafPlace } from './leaf-place.ts';
import { frameOf, PTE_P, PTE_RW } from './pte.ts';

export class TableWrites {
  readonly #domain: Domain;
  readonly #updates: EntryUpdates;

  constructor(domain: Domain, updates: EntryUpdates) {
    this.#domain = domain;
    this.#updates = updates;
  }

  /** Frame of the L1 table that the kernel has at `va` for reading; undefined if there is none. */
  tableAt(va: bigint): number | undefined {
    const { entries } = this.#domain;
    const place = leafPlace(this.#domain, va);
    if (place === undefined || !this.#isTable(place >>> PAGE_SHIFT)) return undefined;
    const low = entries.low(place);
    if ((low & (PTE_P | PTE_RW)) !== PTE_P) return undefined;
    const frame = frameOf(low, entries.high(place));
    return this.#isTable(frame) ? frame : undefined;
  }

  /** The entry at HPA `place` in such a table gets another value: 0, or an error number and nothing has changed. */
  write(place: number, low: number, high: number): number {
    const { slice, flush, counters } = this.#domain;
    slice.begin();
    counters.tableWrites++;
    const update = { place, low, high, keepsAccessed: false, owner: 'own' } as const;
    const result = this.#updates.updateLeaf(update);
    flush.perform();
    return result;
  }

  #isTable(frame: number): boolean {
    const { frames, number } = this.#domain;
    if (!frames.isOwned(frame, number) || frames.type(frame) !== TYPE_L1) return false;
    return frames.isValidated(frame) && frames.typeCount(frame) > 0;
  }
}
