/** Pages that are cleared and copied for a translated domain, by its own frame numbers. */

import { ERRNO } from '../../../../xen/errno.ts';
import { ENTRIES } from '../../../direct/pte.ts';
import type { Slice } from '../../../direct/slice.ts';
import { PAGE_SIZE } from '../../../frames.ts';
import type { GuestMemory } from '../../../guest-memory.ts';

const ZERO = new Uint8Array(PAGE_SIZE);

export class TranslatedPages {
  readonly #memory: GuestMemory;
  readonly #slice: Slice;

  constructor(memory: GuestMemory, slice: Slice) {
    this.#memory = memory;
    this.#slice = slice;
  }

  clear(gfn: number): number {
    return this.write(gfn, ZERO);
  }

  copy(to: number, from: number): number {
    if (!this.#memory.holds(from)) return -ERRNO.EINVAL;
    return this.write(to, this.#memory.read(from * PAGE_SIZE, PAGE_SIZE));
  }

  /** The page gets `data`, a page. */
  write(gfn: number, data: Uint8Array): number {
    this.#slice.spend(ENTRIES);
    if (!this.#memory.holds(gfn)) return -ERRNO.EINVAL;
    this.#memory.write(gfn * PAGE_SIZE, data);
    return 0;
  }
}
