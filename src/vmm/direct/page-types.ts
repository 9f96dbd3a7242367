/**
 * Uses of frames as a type, with the validation that the first use of a table needs, and what is undone with the last
 * one (Xen: get_page_type, put_page_type). A table is walked entry by entry, down to its L1 tables.
 *
 * Both are done in slices. A table that is not done is *partial*: it says how far it is, and holds one use as its type,
 * so that it can become nothing else. Whoever wants it as that type next goes on with it. A guest cannot write to a
 * partial table, directly or by calls. A validation that fails is undone the same way: the table becomes the domain's
 * old table (old-table.ts).
 */

import { assert } from '../../base/assert.ts';
import { ERRNO } from '../../xen/errno.ts';
import { PAGE_SIZE } from '../frames.ts';
import { validateDescriptors } from './descriptors.ts';
import type { Domain } from './domain.ts';
import { TYPE_DESCRIPTORS, TYPE_L1, TYPE_L4 } from './frame-table.ts';
import { dropLeaf, useLeaf } from './leaf-entries.ts';
import { dropLinear, mayBeLinear, useLinear } from './linear-maps.ts';
import {
  adjustedHigh,
  adjustedLow,
  ENTRIES,
  ENTRY_BYTES,
  FIRST_XEN_SLOT,
  frameOf,
  isGuestSlot,
  LINK_DISALLOWED,
  PTE_P,
} from './pte.ts';
import { RESTART } from './slice.ts';

const placeOf = (frame: number, n: number): number => frame * PAGE_SIZE + n * ENTRY_BYTES;

export class PageTypes {
  readonly #domain: Domain;

  constructor(domain: Domain) {
    this.#domain = domain;
  }

  /** Counts a use of the domain's `frame`, and one as `type`: 0, an error number or RESTART. */
  use(frame: number, type: number): number {
    const { old } = this.#domain;
    if (!this.#domain.use(frame)) return -ERRNO.EINVAL;
    const before = old.frame;
    const result = this.#useAs(frame, type);
    const isNowOld = old.frame === frame && before !== frame;
    if (result !== 0 && !isNowOld) this.#domain.drop(frame);
    return result;
  }

  /** Gives both up; with RESTART the rest is up to the old table, of which there was none. */
  drop(frame: number): number {
    const result = this.#dropType(frame, 0);
    if (result === 0) this.#domain.drop(frame);
    else this.#domain.old.set(frame, 0, true);
    return result;
  }

  /** Goes on with the old table if there is one: 0 or RESTART. */
  dropOld(): number {
    const { old } = this.#domain;
    const { frame, parent } = old;
    if (frame === 0) return 0;
    const result = old.isPartial ? this.#dropPartial(frame) : this.#dropType(frame, parent);
    if (result === 0) {
      this.#domain.drop(frame);
      old.set(0, 0, false);
    } else {
      old.isPartial = true;
    }
    return result;
  }

  /**
   * Counts the uses that an entry of the table `parent` makes of the table that it leads to. An entry that is partial has
   * counted one already. With RESTART the entry is partial if `isKept`, and nothing is counted otherwise.
   */
  useLink(
    parent: number,
    low: number,
    high: number,
    { isPartial, isKept }: { readonly isPartial: boolean; readonly isKept: boolean },
  ): number {
    const domain = this.#domain;
    const { frames, old } = domain;
    if ((low & LINK_DISALLOWED) !== 0) return -ERRNO.EINVAL;
    const child = frameOf(low, high);
    if (!isPartial && !domain.use(child)) return -ERRNO.EINVAL;
    const result = this.#useAs(child, frames.type(parent) - 1);
    if (result === -ERRNO.EINVAL && mayBeLinear(low)) {
      if (child === parent) {
        domain.drop(child);
        return 0;
      }
      if (useLinear(domain, parent, child)) return 0;
    }
    const isHeld = isPartial || child === old.frame || (result === RESTART && isKept);
    if (result !== 0 && !isHeld) domain.drop(child);
    return result;
  }

  #useAs(frame: number, type: number): number {
    const { frames, flush } = this.#domain;
    if (!frames.useAs(frame, type, flush)) return -ERRNO.EINVAL;
    if (frames.isValidated(frame)) return 0;
    const wasPartial = frames.isPartial(frame);
    if (wasPartial) frames.takePartial(frame);
    else frames.beginValidation(frame);
    const result = this.#validate(frame, type);
    if (wasPartial) this.#domain.drop(frame);
    return result;
  }

  #validate(frame: number, type: number): number {
    const { frames, old, counters } = this.#domain;
    const result = this.#promote(frame, type);
    if (result === 0) {
      frames.setValidated(frame);
      counters.validations++;
    } else if (result === RESTART || old.frame === frame) {
      frames.setPartial(frame);
    } else {
      frames.forgetType(frame);
    }
    if (result !== 0 && result !== RESTART) counters.refusals++;
    return result;
  }

  #promote(frame: number, type: number): number {
    if (type === TYPE_DESCRIPTORS) return validateDescriptors(this.#domain, frame);
    return type === TYPE_L1 ? this.#promoteLeaves(frame) : this.#promoteLinks(frame, type);
  }

  #promoteLeaves(frame: number): number {
    const { entries, slice, counters } = this.#domain;
    slice.spend(ENTRIES);
    counters.entriesChecked += ENTRIES;
    for (let n = 0; n < ENTRIES; n++) {
      const place = placeOf(frame, n);
      const low = entries.low(place);
      if ((low & PTE_P) === 0) continue;
      const high = entries.high(place);
      const result = useLeaf(this.#domain, low, high, 'own');
      if (result !== 0) {
        this.#dropLeaves(frame, n);
        return result;
      }
      entries.set(place, adjustedLow(TYPE_L1, low, high), adjustedHigh(TYPE_L1, low, high));
    }
    return 0;
  }

  /** Gives up what the first `count` entries map. */
  #dropLeaves(frame: number, count: number): void {
    const { entries, slice } = this.#domain;
    slice.spend(count);
    for (let n = count - 1; n >= 0; n--) {
      const place = placeOf(frame, n);
      dropLeaf(this.#domain, entries.low(place), entries.high(place));
    }
  }

  #promoteLinks(frame: number, level: number): number {
    const { frames, slice, counters } = this.#domain;
    const first = frames.done(frame);
    for (let n = first; n < ENTRIES; n++) {
      if (n > first && slice.isSpent) {
        frames.setDone(frame, n, false);
        return RESTART;
      }
      slice.spend(1);
      counters.entriesChecked++;
      if (!isGuestSlot(level, n)) continue;
      const isPartial = n === first && frames.hasPartialEntry(frame);
      const result = this.#promoteLink(frame, n, isPartial);
      if (result === RESTART) {
        frames.setDone(frame, n, true);
        return RESTART;
      }
      if (result !== 0) {
        this.#abandon(frame, n, isPartial);
        return result;
      }
    }
    if (level === TYPE_L4) this.#fillXenSlots(frame);
    return 0;
  }

  #promoteLink(frame: number, n: number, isPartial: boolean): number {
    const { entries, frames } = this.#domain;
    const place = placeOf(frame, n);
    const low = entries.low(place);
    if ((low & PTE_P) === 0) return 0;
    const high = entries.high(place);
    const result = this.useLink(frame, low, high, { isPartial, isKept: true });
    if (result === 0) entries.set(place, adjustedLow(frames.type(frame), low, high), high);
    return result;
  }

  /** Entry `n` is bad: what was done before it is to be undone, and what became of the table that it leads to. */
  #abandon(frame: number, n: number, isPartial: boolean): void {
    const { frames, old } = this.#domain;
    const isChildOld = old.frame !== 0;
    if (n === 0 && !isPartial && !isChildOld) return;
    frames.setDone(frame, n, isPartial || isChildOld);
    old.set(frame, 0, true);
  }

  /** Whatever the guest has left in Xen's slots goes. */
  #fillXenSlots(frame: number): void {
    const { entries, xenSlots, isM2pStrict } = this.#domain;
    xenSlots.forEach((entry, n) => {
      const value = n === 0 && !isM2pStrict ? 0n : entry;
      const low = Number(BigInt.asUintN(32, value));
      entries.set(placeOf(frame, FIRST_XEN_SLOT + n), low, Number(value >> 32n));
    });
  }

  #dropType(frame: number, parent: number): number {
    const { frames, flush } = this.#domain;
    assert(frames.isValidated(frame), `frame ${frame} is given up half done`);
    const type = frames.type(frame);
    const isLast = frames.typeCount(frame) === 1 && type >= TYPE_L1 && type <= TYPE_L4;
    dropLinear(this.#domain, parent, frame);
    if (isLast) {
      frames.beginDevalidation(frame, ENTRIES);
      return this.#devalidate(frame);
    }
    frames.dropType(frame, flush);
    return 0;
  }

  /** Undoes what of the table was done, if nobody has gone on with it. */
  #dropPartial(frame: number): number {
    const { frames } = this.#domain;
    if (!frames.isPartial(frame)) return 0;
    frames.takePartial(frame);
    const result = this.#devalidate(frame);
    this.#domain.drop(frame);
    return result;
  }

  #devalidate(frame: number): number {
    const { frames, flush, counters } = this.#domain;
    const result = this.#demote(frame);
    if (result === RESTART) {
      frames.setPartial(frame);
    } else {
      frames.dropType(frame, flush);
      counters.devalidations++;
    }
    return result;
  }

  #demote(frame: number): number {
    const { frames, slice } = this.#domain;
    if (frames.type(frame) === TYPE_L1) {
      this.#dropLeaves(frame, ENTRIES);
      return 0;
    }
    const isFirstPartial = frames.hasPartialEntry(frame);
    const first = frames.done(frame) - (isFirstPartial ? 0 : 1);
    for (let n = first; n >= 0; n--) {
      if (n < first && slice.isSpent) {
        frames.setDone(frame, n + 1, false);
        return RESTART;
      }
      slice.spend(1);
      if (!isGuestSlot(frames.type(frame), n)) continue;
      if (this.#demoteLink(frame, n, isFirstPartial && n === first) === RESTART) {
        frames.setDone(frame, n, true);
        return RESTART;
      }
    }
    return 0;
  }

  #demoteLink(frame: number, n: number, isPartial: boolean): number {
    const { entries } = this.#domain;
    const place = placeOf(frame, n);
    const low = entries.low(place);
    const child = frameOf(low, entries.high(place));
    if ((low & PTE_P) === 0 || child === frame) return 0;
    const result = isPartial ? this.#dropPartial(child) : this.#dropType(child, frame);
    if (result === 0) this.#domain.drop(child);
    return result;
  }
}
