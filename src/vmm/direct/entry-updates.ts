/**
 * One entry of a table gets another value. The uses of the new one are counted before those of the old one are given up,
 * so that what both name is in use all the time. An entry that differs only in what is free is just written.
 */

import { ERRNO } from '../../xen/errno.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../frames.ts';
import type { Domain } from './domain.ts';
import { TYPE_L1, TYPE_L4, TYPE_WRITABLE } from './frame-table.ts';
import { dropLeaf, type PageOwner, useLeaf } from './leaf-entries.ts';
import type { PageTypes } from './page-types.ts';
import {
  adjustedHigh,
  adjustedLow,
  differFreely,
  ENTRY_BYTES,
  frameOf,
  isGuestSlot,
  L1_DISALLOWED,
  LINK_DISALLOWED,
  PTE_A,
  PTE_D,
  PTE_P,
} from './pte.ts';

export interface EntryUpdate {
  /** HPA, in a frame of the domain. */
  readonly place: number;
  readonly low: number;
  readonly high: number;
  /** Accessed and dirty flags of the old entry stay set. */
  readonly keepsAccessed: boolean;
  readonly owner: PageOwner;
}

export class EntryUpdates {
  readonly #domain: Domain;
  readonly #types: PageTypes;

  constructor(domain: Domain, types: PageTypes) {
    this.#domain = domain;
    this.#types = types;
  }

  /** Updates an entry of whatever table the frame is, or a word of a frame that is none: 0, an error number or RESTART. */
  update(update: EntryUpdate): number {
    const { frames } = this.#domain;
    const frame = update.place >>> PAGE_SHIFT;
    const isUsed = frames.isValidated(frame) && frames.typeCount(frame) > 0;
    const type = frames.type(frame);
    if (!isUsed || type === TYPE_WRITABLE) return this.#writeData(frame, update);
    if (type === TYPE_L1) return this.updateLeaf(update);
    if (type > TYPE_L4 || update.owner !== 'own') return -ERRNO.EINVAL;
    return this.#updateLink(frame, type, update);
  }

  /** The frame of the place is an L1 table. */
  updateLeaf({ place, low, high, keepsAccessed, owner }: EntryUpdate): number {
    const { entries } = this.#domain;
    const oldLow = entries.low(place);
    const oldHigh = entries.high(place);
    if ((low & PTE_P) === 0) {
      this.#write(place, low, high, keepsAccessed);
    } else {
      if ((low & L1_DISALLOWED) !== 0) return -ERRNO.EINVAL;
      const newLow = adjustedLow(TYPE_L1, low, high);
      const newHigh = adjustedHigh(TYPE_L1, low, high);
      const isSame = differFreely(oldLow, oldHigh, newLow, newHigh);
      const result = isSame ? 0 : useLeaf(this.#domain, newLow, newHigh, owner);
      if (result !== 0) return result;
      this.#write(place, newLow, newHigh, keepsAccessed);
      if (isSame) return 0;
    }
    dropLeaf(this.#domain, oldLow, oldHigh);
    return 0;
  }

  #updateLink(frame: number, level: number, update: EntryUpdate): number {
    const { place, low, high, keepsAccessed } = update;
    const { entries, flush } = this.#domain;
    if (!isGuestSlot(level, (place % PAGE_SIZE) / ENTRY_BYTES)) return -ERRNO.EINVAL;
    const oldLow = entries.low(place);
    const oldHigh = entries.high(place);
    if ((low & PTE_P) === 0) {
      this.#write(place, low, high, keepsAccessed);
    } else {
      if ((low & LINK_DISALLOWED) !== 0) return -ERRNO.EINVAL;
      const newLow = adjustedLow(level, low, high);
      const isSame = differFreely(oldLow, oldHigh, newLow, high);
      const result = isSame ? 0 : this.#types.useLink(frame, newLow, high, NEW_LINK);
      if (result !== 0) return result;
      this.#write(place, newLow, high, keepsAccessed);
      if (isSame) {
        flush.all();
        return 0;
      }
    }
    flush.all();
    this.#dropLink(frame, oldLow, oldHigh);
    return 0;
  }

  /** What a table that is not used any more leads to can be much: it becomes the old table. */
  #dropLink(frame: number, low: number, high: number): void {
    const child = frameOf(low, high);
    if ((low & PTE_P) !== 0 && child !== frame) this.#domain.old.set(child, frame, false);
  }

  #writeData(frame: number, { place, low, high }: EntryUpdate): number {
    const { frames, entries, flush } = this.#domain;
    if (!frames.useAs(frame, TYPE_WRITABLE, flush)) return -ERRNO.EINVAL;
    entries.set(place, low, high);
    frames.dropType(frame, flush);
    return 0;
  }

  #write(place: number, low: number, high: number, keepsAccessed: boolean): void {
    const { entries } = this.#domain;
    const kept = keepsAccessed ? entries.low(place) & (PTE_A | PTE_D) : 0;
    entries.set(place, (low | kept) >>> 0, high);
  }
}

const NEW_LINK = { isPartial: false, isKept: false };
