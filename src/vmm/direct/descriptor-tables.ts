/**
 * The guest's GDT and LDT: frames with descriptors that have been checked, and that cannot be written to as long as they
 * are in use. Frames of the GDT are given; pages of the LDT are looked up when they are needed first.
 */

import { isGuestAddress } from '../../xen/address-space.ts';
import { ERRNO } from '../../xen/errno.ts';
import { FIRST_RESERVED_GDT_ENTRY } from '../../xen/segments.ts';
import { PAGE_SIZE } from '../frames.ts';
import { checkedDescriptor, type Descriptor } from './descriptors.ts';
import type { Domain } from './domain.ts';
import { TYPE_DESCRIPTORS, TYPE_WRITABLE } from './frame-table.ts';
import { leafPlace } from './leaf-place.ts';
import type { PageTypes } from './page-types.ts';
import { ENTRIES, ENTRY_BYTES, frameOf, PTE_P } from './pte.ts';

const LDT_ENTRIES = 8192;

export class DescriptorTables {
  readonly #domain: Domain;
  readonly #types: PageTypes;
  readonly #ldtChanged: () => void;
  #gdtFrames: readonly number[] = [];
  #gdtEntries = 0;
  #ldtBase = 0n;
  #ldtEntries = 0;
  /** Frames of the LDT in use, by page. */
  readonly #ldtFrames = new Map<number, number>();

  /** `ldtChanged`: none of its frames is in use any more. */
  constructor(domain: Domain, types: PageTypes, ldtChanged: () => void) {
    this.#domain = domain;
    this.#types = types;
    this.#ldtChanged = ldtChanged;
  }

  get gdt(): { readonly frames: readonly number[]; readonly entries: number } {
    return { frames: this.#gdtFrames, entries: this.#gdtEntries };
  }

  get ldt(): { readonly base: bigint; readonly entries: number } {
    return { base: this.#ldtBase, entries: this.#ldtEntries };
  }

  /** Frames in use, of both tables. */
  get inUse(): readonly number[] {
    return [...this.#gdtFrames, ...this.#ldtFrames.values()];
  }

  /** HYPERVISOR_set_gdt: `frames` are as many as the entries take. */
  setGdt(frames: readonly number[], entries: number): number {
    const { flush } = this.#domain;
    if (entries > FIRST_RESERVED_GDT_ENTRY || frames.length !== Math.ceil(entries / ENTRIES)) {
      return -ERRNO.EINVAL;
    }
    const taken: number[] = [];
    const isGood = frames.every((frame) => {
      const isTaken = this.#types.use(frame, TYPE_DESCRIPTORS) === 0;
      if (isTaken) taken.push(frame);
      return isTaken;
    });
    this.#dropAll(isGood ? this.#gdtFrames : taken);
    if (isGood) {
      this.#gdtFrames = taken;
      this.#gdtEntries = entries;
      flush.all();
    }
    flush.perform();
    return isGood ? 0 : -ERRNO.EINVAL;
  }

  /** HYPERVISOR_update_descriptor: the one at HPA `place`, in a frame with descriptors or one that is no table. */
  update(place: number, descriptor: Descriptor): number {
    const { frames, entries, flush, number } = this.#domain;
    const checked = checkedDescriptor(descriptor);
    const frame = Math.floor(place / PAGE_SIZE);
    if (place % ENTRY_BYTES !== 0 || checked === undefined || !frames.isOwned(frame, number)) {
      return -ERRNO.EINVAL;
    }
    const isTable = frames.type(frame) === TYPE_DESCRIPTORS && frames.typeCount(frame) > 0;
    if (!isTable && !frames.useAs(frame, TYPE_WRITABLE, flush)) return -ERRNO.EINVAL;
    entries.set(place, checked.low, checked.high);
    if (!isTable) frames.dropType(frame, flush);
    flush.perform();
    return 0;
  }

  /** MMUEXT_SET_LDT. */
  setLdt(base: bigint, entries: number): number {
    const newBase = entries === 0 ? 0n : base;
    const isAligned = newBase % BigInt(PAGE_SIZE) === 0n;
    if (entries > LDT_ENTRIES || !isAligned || !isGuestAddress(newBase)) return -ERRNO.EINVAL;
    if (newBase === this.#ldtBase && entries === this.#ldtEntries) return 0;
    this.#ldtBase = newBase;
    this.#ldtEntries = entries;
    this.dropLdt();
    return 0;
  }

  /** Frames of the LDT are looked up again: it, or the address space, is another one. */
  dropLdt(): void {
    this.#dropAll([...this.#ldtFrames.values()]);
    this.#ldtFrames.clear();
    this.#ldtChanged();
  }

  /** The frame of page `page` of the LDT, in use from now on; undefined if there is none, or not with descriptors. */
  ldtFrame(page: number): number | undefined {
    if (page * ENTRIES >= this.#ldtEntries) return undefined;
    const known = this.#ldtFrames.get(page);
    if (known !== undefined) return known;
    const { entries, flush } = this.#domain;
    const place = leafPlace(this.#domain, this.#ldtBase + BigInt(page * PAGE_SIZE));
    if (place === undefined || (entries.low(place) & PTE_P) === 0) return undefined;
    const frame = frameOf(entries.low(place), entries.high(place));
    const result = this.#types.use(frame, TYPE_DESCRIPTORS);
    flush.perform();
    if (result !== 0) return undefined;
    this.#ldtFrames.set(page, frame);
    return frame;
  }

  #dropAll(frames: readonly number[]): void {
    for (const frame of frames) this.#types.drop(frame);
  }
}
