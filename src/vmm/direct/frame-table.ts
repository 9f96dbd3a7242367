/**
 * What each frame of the machine is used as, after Xen's frame table. A frame has one *type* at a time, and two counts:
 * of its uses as that type, and of all its uses. The type can change only while the first one is 0, so a frame that is a
 * table cannot be mapped writable, and the other way round.
 *
 * | use of a frame | count | type count |
 * |---|---|---|
 * | L1 entry, R/W clear | 1 | |
 * | L1 entry, R/W set, whatever the entries above say | 1 | 1, writable |
 * | entry of an L2, L3 or L4 table | 1 | 1, the level below |
 * | the same to a table of the same level (linear-maps.ts) | 1 | 1, that level |
 * | a pin, a base pointer | 1 | 1, the level |
 * | a page of the GDT or LDT in use | 1 | 1, descriptors |
 * | a page that the VMM shares with the guest | | 1, writable |
 * | a page of the guest's memory that it shares with the VMM | 1 | 1, writable |
 * | *partial*: validation or its undoing was interrupted | 1 | 1, the level |
 *
 * A frame that its owner gives back while it is in use stays the owner's until the last use is dropped (Xen: the frame
 * loses the reference of its allocation).
 *
 * Each use is an entry of 8 bytes or one of a few registers, so counts cannot overflow.
 */

import { assert } from '../../base/assert.ts';
import { FRAME_VMM, type FramePool } from '../frames.ts';
import type { PendingFlush } from './pending-flush.ts';

export const TYPE_NONE = 0;
export const TYPE_L1 = 1;
export const TYPE_L2 = 2;
export const TYPE_L3 = 3;
export const TYPE_L4 = 4;
export const TYPE_DESCRIPTORS = 5;
export const TYPE_WRITABLE = 6;

/** The contents are good for the type. */
const VALIDATED = 1 << 0;
const PINNED = 1 << 1;
const PARTIAL = 1 << 2;
/** Of a partial table: the entry after those that are done is itself half done, and counts as a use. */
const PARTIAL_ENTRY = 1 << 3;
/** The owner has given it back: it keeps the frame while it is in use. */
const GIVEN_BACK = 1 << 4;

export class FrameTable {
  readonly #pool: FramePool;
  /** By frame: TYPE_, counts, flags. */
  readonly #type: Uint8Array;
  readonly #typeCount: Uint32Array;
  readonly #count: Uint32Array;
  readonly #flags: Uint8Array;
  /** Of a partial table: how many of its entries, from the first, count as uses of what they name. */
  readonly #done: Uint16Array;
  /** Linear maps of a table: entries of it that are such if positive, uses of it in such if negative. */
  readonly #linear: Int32Array;
  /** The owner's clock (PendingFlush) when a count became 0 last. */
  readonly #stamp: Uint32Array;

  /** For the frames 0 to `frames` - 1 of `pool`. */
  constructor(pool: FramePool, frames: number) {
    this.#pool = pool;
    this.#type = new Uint8Array(frames);
    this.#typeCount = new Uint32Array(frames);
    this.#count = new Uint32Array(frames);
    this.#flags = new Uint8Array(frames);
    this.#done = new Uint16Array(frames);
    this.#linear = new Int32Array(frames);
    this.#stamp = new Uint32Array(frames);
  }

  /** There is such a frame: an address beyond is no RAM. */
  exists(frame: number): boolean {
    return frame < this.#type.length;
  }

  isOwned(frame: number, owner: number): boolean {
    return this.exists(frame) && this.#pool.ownerOf(frame) === owner;
  }

  type(frame: number): number {
    return this.#type[frame] ?? TYPE_NONE;
  }

  typeCount(frame: number): number {
    return this.#typeCount[frame] ?? 0;
  }

  count(frame: number): number {
    return this.#count[frame] ?? 0;
  }

  isValidated(frame: number): boolean {
    return this.#has(frame, VALIDATED);
  }

  isPinned(frame: number): boolean {
    return this.#has(frame, PINNED);
  }

  isPartial(frame: number): boolean {
    return this.#has(frame, PARTIAL);
  }

  hasPartialEntry(frame: number): boolean {
    return this.#has(frame, PARTIAL_ENTRY);
  }

  done(frame: number): number {
    return this.#done[frame] ?? 0;
  }

  linear(frame: number): number {
    return this.#linear[frame] ?? 0;
  }

  /** The first of `count` frames in a row for `owner`, below `end`, with what they held before; undefined: there are none. */
  take(owner: number, count: number, end: number): number | undefined {
    if (this.#pool.left < count) return undefined;
    const isAny = count === 1 && end >= this.#type.length;
    return isAny ? this.#pool.take(owner) : this.#pool.takeRun(owner, count, end);
  }

  /** Counts a use of `frame` if it is the owner's. */
  use(frame: number, owner: number): boolean {
    if (!this.isOwned(frame, owner)) return false;
    this.#count[frame] = this.count(frame) + 1;
    return true;
  }

  drop(frame: number, flush: PendingFlush): void {
    const count = this.count(frame);
    assert(count > 0, `frame ${frame} is dropped, which has no use`);
    this.#count[frame] = count - 1;
    if (count > 1) return;
    this.#stamp[frame] = flush.clock;
    if (this.#has(frame, GIVEN_BACK)) this.#release(frame, flush);
  }

  /**
   * Counts a use of `frame` as `type`, unless it has uses as another one. What is left to do tell isValidated and
   * isPartial.
   */
  useAs(frame: number, type: number, flush: PendingFlush): boolean {
    const count = this.typeCount(frame);
    if (count === 0) {
      if (this.type(frame) !== type) this.#changeType(frame, type, flush);
      this.#typeCount[frame] = 1;
      return true;
    }
    if (this.type(frame) !== type) return false;
    if (this.isValidated(frame)) this.#typeCount[frame] = count + 1;
    else assert(this.isPartial(frame), `frame ${frame} is used while it is validated`);
    return true;
  }

  /** Stale translations of what the frame was must not meet what it becomes. */
  #changeType(frame: number, type: number, flush: PendingFlush): void {
    if (this.#stamp[frame] === flush.clock) flush.all();
    this.#type[frame] = type;
    if (type === TYPE_WRITABLE) this.#set(frame, VALIDATED);
    else this.#clear(frame, VALIDATED);
  }

  /** Gives up a use of `frame` as its type. */
  dropType(frame: number, flush: PendingFlush): void {
    const count = this.typeCount(frame);
    assert(count > 0, `frame ${frame} is dropped, which has no use as its type`);
    this.#typeCount[frame] = count - 1;
    if (count === 1) this.#stamp[frame] = flush.clock;
  }

  /** Validation found a bad entry, and nothing is left of what it did. */
  forgetType(frame: number): void {
    this.#type[frame] = TYPE_NONE;
    this.#typeCount[frame] = 0;
  }

  /** The VMM shares the frame with its owner for good, which can never make a table of it. */
  share(frame: number): void {
    assert(this.count(frame) === 0, `frame ${frame} is shared, which is in use`);
    this.#type[frame] = TYPE_WRITABLE;
    this.#set(frame, VALIDATED);
    this.#typeCount[frame] = 1;
  }

  /** Nobody uses the frame, the VMM neither. */
  isIdle(frame: number): boolean {
    return this.count(frame) === 0 && this.typeCount(frame) === 0;
  }

  /** The owner gives the frame back. */
  giveBack(frame: number, flush: PendingFlush): void {
    if (this.isIdle(frame)) this.#release(frame, flush);
    else this.#set(frame, GIVEN_BACK);
  }

  /** The frame is for anybody who takes one. */
  free(frame: number): void {
    this.#pool.release(frame);
  }

  /** The owner loses the frame, unless the VMM shares it, and it is free once stale translations are gone. */
  #release(frame: number, flush: PendingFlush): void {
    if (this.typeCount(frame) > 0) return;
    this.#pool.transfer(frame, FRAME_VMM);
    flush.free(frame);
    if (this.#stamp[frame] === flush.clock) flush.all();
    this.forgetType(frame);
    this.#flags[frame] = 0;
    this.#stamp[frame] = 0;
  }

  beginValidation(frame: number): void {
    this.#done[frame] = 0;
    this.#linear[frame] = 0;
    this.#clear(frame, PARTIAL_ENTRY);
  }

  setValidated(frame: number): void {
    this.#set(frame, VALIDATED);
  }

  /** Its entries, which are all done, are to be undone. */
  beginDevalidation(frame: number, entries: number): void {
    this.#clear(frame, VALIDATED | PARTIAL_ENTRY);
    this.#done[frame] = entries;
  }

  /** Notes how far a table is, of which not all is done or undone. */
  setDone(frame: number, entries: number, isEntryPartial: boolean): void {
    this.#done[frame] = entries;
    if (isEntryPartial) this.#set(frame, PARTIAL_ENTRY);
    else this.#clear(frame, PARTIAL_ENTRY);
  }

  /** Being partial is itself a use. */
  setPartial(frame: number): void {
    this.#set(frame, PARTIAL);
    this.#count[frame] = this.count(frame) + 1;
  }

  /** Somebody goes on with it, and has to drop the use when that is done. */
  takePartial(frame: number): void {
    this.#clear(frame, PARTIAL);
  }

  setPinned(frame: number, isPinned: boolean): void {
    if (isPinned) this.#set(frame, PINNED);
    else this.#clear(frame, PINNED);
  }

  addLinear(frame: number, difference: number): void {
    this.#linear[frame] = this.linear(frame) + difference;
  }

  #has(frame: number, flag: number): boolean {
    return ((this.#flags[frame] ?? 0) & flag) !== 0;
  }

  #set(frame: number, flags: number): void {
    this.#flags[frame] = (this.#flags[frame] ?? 0) | flags;
  }

  #clear(frame: number, flags: number): void {
    this.#flags[frame] = (this.#flags[frame] ?? 0) & ~flags;
  }
}
