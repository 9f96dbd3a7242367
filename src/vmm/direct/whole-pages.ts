/** Pages that are cleared and copied for the guest, by frame (MMUEXT_CLEAR_PAGE, MMUEXT_COPY_PAGE). */

import type { MachineMemory } from '../../machine/memory.ts';
import { ERRNO } from '../../xen/errno.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { Domain } from './domain.ts';
import { TYPE_WRITABLE } from './frame-table.ts';
import { ENTRIES } from './pte.ts';

const ZERO = new Uint8Array(PAGE_SIZE);

export class WholePages {
  readonly #domain: Domain;
  readonly #memory: MachineMemory;

  constructor(domain: Domain, memory: MachineMemory) {
    this.#domain = domain;
    this.#memory = memory;
  }

  clear(frame: number): number {
    return this.write(frame, ZERO);
  }

  copy(to: number, from: number): number {
    if (!this.#domain.frames.isOwned(from, this.#domain.number)) return -ERRNO.EINVAL;
    return this.write(to, this.#memory.page(from * PAGE_SIZE));
  }

  /** The page gets `data`, a page. */
  write(frame: number, data: Uint8Array): number {
    if (!this.#mayWrite(frame)) return -ERRNO.EINVAL;
    this.#memory.write(frame * PAGE_SIZE, data);
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
