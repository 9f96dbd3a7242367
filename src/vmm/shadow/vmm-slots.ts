/**
 * The VMM's entry in every root: its structures are mapped there, for supervisors only. It is an entry that the guest
 * leaves free, and moves when the guest uses it.
 */

import { PAGE_SIZE } from '../frames.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { ShadowEntries } from './shadow-entries.ts';
import { ENTRY_BYTES, entryPlace, type ShadowRoot } from './shadow-page.ts';

const PTE_P = 1 << 0;
/** The entry of a root that is tried first, unless it is said; downward from there. */
export const FIRST_SLOT = 509;

export class VmmSlots {
  readonly #memory: GuestMemory;
  readonly #entries: ShadowEntries;
  /** The machine's frame of the PDPT that maps the VMM. */
  readonly #table: number;
  readonly #first: number;
  /** Roots by the place of the VMM's entry. */
  readonly #owned = new Map<number, ShadowRoot>();

  constructor(memory: GuestMemory, entries: ShadowEntries, table: number, first: number) {
    this.#memory = memory;
    this.#entries = entries;
    this.#table = table;
    this.#first = first;
  }

  /** Puts the VMM's entry at the first slot that the guest leaves free; if there is none, at the last tried. */
  place(root: ShadowRoot): void {
    root.slot = this.#first;
    while (root.slot > 0 && !this.#isFree(root)) root.slot--;
    const place = entryPlace(root.page, root.slot);
    this.#owned.set(place, root);
    this.#entries.setSupervisor(place, this.#table);
  }

  /** The guest has written to the table of `root`: there may be a free entry where there was none. */
  review(root: ShadowRoot): void {
    if (!this.#isFree(root)) this.#move(root);
  }

  /** Takes the entry at `place` away, which the guest has changed; `page`: ShadowEntries.drop. */
  drop(place: number, page?: number): void {
    const root = this.#owned.get(place);
    if (root === undefined) this.#entries.drop(place, page);
    else this.#move(root);
  }

  /** `root` is going. */
  forget(root: ShadowRoot): void {
    this.#owned.delete(entryPlace(root.page, root.slot));
  }

  #move(root: ShadowRoot): void {
    const place = entryPlace(root.page, root.slot);
    this.#owned.delete(place);
    this.#entries.drop(place);
    this.place(root);
  }

  /** The guest has nothing at the VMM's slot. */
  #isFree({ page, slot }: ShadowRoot): boolean {
    if (page.role.kind !== 'table') return true;
    return (this.#memory.readU32(page.gfn * PAGE_SIZE + slot * ENTRY_BYTES) & PTE_P) === 0;
  }
}
