/** Pins: a use of a table, once, that keeps it from being undone and validated again and again. */

import { ERRNO } from '../../xen/errno.ts';
import type { Domain } from './domain.ts';
import type { PageTypes } from './page-types.ts';

export class Pins {
  readonly #domain: Domain;
  readonly #types: PageTypes;

  constructor(domain: Domain, types: PageTypes) {
    this.#domain = domain;
    this.#types = types;
  }

  /** Pins `frame` as a table of a level: 0, an error number or RESTART. */
  pin(frame: number, level: number): number {
    const { frames, old } = this.#domain;
    const result = this.#types.use(frame, level);
    if (result !== 0) return result;
    if (!frames.isPinned(frame)) {
      frames.setPinned(frame, true);
      return 0;
    }
    old.set(frame, 0, false);
    return -ERRNO.EINVAL;
  }

  /** The table goes if nothing else uses it; what cannot be done at once is the old table then. */
  unpin(frame: number): number {
    const { frames, number } = this.#domain;
    if (!frames.isOwned(frame, number) || !frames.isPinned(frame)) return -ERRNO.EINVAL;
    frames.setPinned(frame, false);
    this.#types.drop(frame);
    return 0;
  }
}
