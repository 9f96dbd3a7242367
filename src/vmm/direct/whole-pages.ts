/** Pages that are cleared and copied for the guest, by frame (MMUEXT_CLEAR_PAGE, MMUEXT_COPY_PAGE). */

import type { MachineMemory } from '../../machine/memory.ts';
import { ERRNO } from '../../xen/errno.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { Domain } from './domain.ts';
import { TYPE_WRITABLE } from './frame-table.ts';
import { ENTRIES } from './pte.ts';

export class WholePages {
  readonly #domain: Domain;
  readonly #memory: MachineMemory;

  constructor(domain: Domain, memory: MachineMemory) {
    this.#domain = domain;
    this.#memory = memory;
  }

  clear(frame: number): number {
    if (!this.#mayWrite(frame)) return -ERRNO.EINVAL;
    this.#memory.fill(frame * PAGE_SIZE, PAGE_SIZE, 0);
    return 0;
  }

  copy(to: number, from: number): number {
    if (!this.#domain.frames.isOwned(from, this.#domain.number)) return -ERRNO.EINVAL;
    if (!this.#mayWrite(to)) return -ERRNO.EINVAL;
    this.#memory.write(to * PAGE_SIZE, this.#memory.page(from * PAGE_SIZE));
    return 0;
  }

  /** The frame is the guest's and no table. */
  #mayWrite(frame: number): boolean {
    const { frames, flush, slice, number } = this.#domain;
    slice.spend(ENTRIES);
    if (!frames.isOwned(frame, number)) return false;
    if (!frames.useAs(frame, TYPE_WRITABLE, flush)) return false;
    frames.dropType(frame, flush);
    return true;
  }
}
