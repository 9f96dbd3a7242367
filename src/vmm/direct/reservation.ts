/**
 * The frames that a VM has, as memory_op changes them: how many, and which. A frame comes scrubbed. One that is given
 * back loses its number in the table of machine to physical frames and is free once no translation leads to it; where it
 * is in use still, that is when the last use is dropped (frame-table.ts).
 */

import type { MachineMemory } from '../../machine/memory.ts';
import { ERRNO } from '../../xen/errno.ts';
import { PAGE_SIZE } from '../frames.ts';
import type { Domain } from './domain.ts';
import type { MachineToPhys } from './machine-to-phys.ts';
import { ENTRIES } from './pte.ts';

/** Extents that are wanted: each of `size` frames in a row, a power of 2, below the frame `end`. */
export interface Extents {
  readonly count: number;
  readonly size: number;
  readonly end: number;
}

export class Reservation {
  readonly #domain: Domain;
  readonly #memory: MachineMemory;
  readonly #machineToPhys: MachineToPhys;
  /** How many frames it may have. */
  readonly maximum: number;
  #current: number;

  constructor(
    domain: Domain,
    memory: MachineMemory,
    machineToPhys: MachineToPhys,
    { current, maximum }: { readonly current: number; readonly maximum: number },
  ) {
    this.#domain = domain;
    this.#memory = memory;
    this.#machineToPhys = machineToPhys;
    this.maximum = maximum;
    this.#current = current;
  }

  /** How many frames it has, those among them that it gave back and still uses. */
  get current(): number {
    return this.#current;
  }

  begin(): void {
    this.#domain.slice.begin();
  }

  get isSpent(): boolean {
    return this.#domain.slice.isSpent;
  }

  /** What is given back is not the VM's any more. Before the guest runs again. */
  end(): void {
    this.#domain.flush.perform();
  }

  /** The first frame of one more extent; undefined if there is none, or the VM has as many frames as it may have. */
  take(size: number, end: number): number | undefined {
    if (this.#current + size > this.maximum) return undefined;
    const first = this.#take(size, end);
    if (first !== undefined) this.#current += size;
    return first;
  }

  /** The guest has the numbers from `pfn` on for the frames from `frame` on. */
  setNumbers(frame: number, pfn: bigint, count: number): void {
    for (let n = 0; n < count; n++) {
      this.#machineToPhys.set(frame + n, BigInt.asUintN(64, pfn + BigInt(n)));
    }
  }

  /** The VM gives a frame back; false if it is not its. */
  giveBack(frame: number): boolean {
    const { frames, flush, slice, number } = this.#domain;
    slice.spend(1);
    if (!frames.isOwned(frame, number)) return false;
    frames.giveBack(frame, flush);
    return true;
  }

  /**
   * Gives `given`, frames that nobody uses, for as many in `extents`: the first frame of each, or an error number with
   * nothing changed.
   */
  exchange(given: readonly number[], extents: Extents): readonly number[] | number {
    const { frames, flush, number } = this.#domain;
    const isGood = (frame: number): boolean =>
      frames.isOwned(frame, number) && frames.isIdle(frame);
    if (!given.every(isGood) || new Set(given).size < given.length) return -ERRNO.EINVAL;
    const taken: number[] = [];
    while (taken.length < extents.count) {
      const first = this.#take(extents.size, extents.end);
      if (first === undefined) {
        for (const one of taken) this.#putBack(one, extents.size);
        return -ERRNO.ENOMEM;
      }
      taken.push(first);
    }
    this.#current += taken.length * extents.size;
    for (const frame of given) frames.giveBack(frame, flush);
    flush.perform();
    return taken;
  }

  /** Nothing of the VM translates any more to a frame that it has lost. */
  freed(frame: number): void {
    this.#current--;
    this.#machineToPhys.forget(frame);
    this.#domain.frames.free(frame);
  }

  #take(size: number, end: number): number | undefined {
    const { frames, slice, number } = this.#domain;
    const first = frames.take(number, size, end);
    if (first === undefined) return undefined;
    slice.spend(size * ENTRIES);
    this.#memory.fill(first * PAGE_SIZE, size * PAGE_SIZE, 0);
    return first;
  }

  /** The guest has not seen them. */
  #putBack(first: number, size: number): void {
    for (let n = 0; n < size; n++) this.#domain.frames.free(first + n);
  }
}
