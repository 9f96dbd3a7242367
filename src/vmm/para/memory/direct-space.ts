/** The guest's memory by virtual address under direct paging: a walk of the tables that the processor walks. */

import type { MachineMemory } from '../../../machine/memory.ts';
import { isGuestAddress } from '../../../xen/address-space.ts';
import {
  ENTRY_BYTES,
  frameOf,
  linearOf,
  PTE_A,
  PTE_D,
  PTE_P,
  PTE_RW,
  PTE_US,
  slotOf,
} from '../../direct/pte.ts';
import type { TableEntries } from '../../direct/table-entries.ts';
import { PAGE_SIZE } from '../../frames.ts';
import { PagedSpace } from './paged-space.ts';

export class DirectSpace extends PagedSpace {
  readonly #entries: TableEntries;
  readonly #root: () => number;

  /** `root`: frame of the L4 table in use. */
  constructor(memory: MachineMemory, entries: TableEntries, root: () => number) {
    super(memory, memory);
    this.#entries = entries;
    this.#root = root;
  }

  /** The guest's tables hold the machine's addresses. */
  override translate(va: bigint, isWrite: boolean): number | undefined {
    return this.find(va, isWrite);
  }

  override inspect(va: bigint): number | undefined {
    return this.#walk(va, PTE_P | PTE_US, 0);
  }

  protected override find(va: bigint, isWrite: boolean): number | undefined {
    // By a linear map a walk can come to the VMM's own entries, which are for supervisors.
    const needed = PTE_P | PTE_US;
    return isWrite ? this.#walk(va, needed | PTE_RW, PTE_A | PTE_D) : this.#walk(va, needed, PTE_A);
  }

  /** `needed` are the flags that all entries must have; the last one gets the flags `used`, those above PTE_A of them. */
  #walk(va: bigint, needed: number, used: number): number | undefined {
    if (!isGuestAddress(va)) return undefined;
    const entries = this.#entries;
    const linear = linearOf(va);
    let frame = this.#root();
    for (let level = 4; level > 0; level--) {
      const place = frame * PAGE_SIZE + slotOf(linear, level) * ENTRY_BYTES;
      const low = entries.low(place);
      if ((low & needed) !== needed) return undefined;
      const high = entries.high(place);
      const set = level === 1 ? used : used & PTE_A;
      if ((low & set) !== set) entries.set(place, (low | set) >>> 0, high);
      frame = frameOf(low, high);
    }
    return frame * PAGE_SIZE + (linear % PAGE_SIZE);
  }
}
