/** Pages that are cleared and copied for a translated domain, by its own frame numbers. */

import { ERRNO } from '../../../xen/errno.ts';
import { ENTRIES } from '../../direct/pte.ts';
import type { Slice } from '../../direct/slice.ts';
import { PAGE_SIZE } from '../../frames.ts';
import type { GuestMemory } from '../../guest-memory.ts';

export class TranslatedPages {
  readonly #memory: GuestMemory;
  readonly #slice: Slice;

  constructor(memory: GuestMemory, slice: Slice) {
    this.#memory = memory;
    this.#slice = slice;
  }

  clear(gfn: number): number {
    this.#slice.spend(ENTRIES);
    if (!this.#memory.holds(gfn)) return -ERRNO.EINVAL;
    this.#memory.fill(gfn * PAGE_SIZE, PAGE_SIZE, 0);
    return 0;
  }

  copy(to: number, from: number): number {
    this.#slice.spend(ENTRIES);
    if (!this.#memory.holds(from) || !this.#memory.holds(to)) return -ERRNO.EINVAL;
    this.#memory.write(to * PAGE_SIZE, this.#memory.read(from * PAGE_SIZE, PAGE_SIZE));
    return 0;
  }
}
