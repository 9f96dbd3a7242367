/**
 * Calls with a list of entries, which are done one after the other up to the first bad one (mmu_update, mmuext_op). When
 * a slice is spent, the guest makes the same call again with the rest of the list, and interrupts can come between. That
 * is so even when only the old table is left: then the call carries its own result. As in Xen, all that the rest needs is
 * in its arguments, so a guest that makes up such a call by itself gets what it asks for and no more.
 */

import { isGuestAddress, isGuestRange } from '../../xen/address-space.ts';
import { ERRNO } from '../../xen/errno.ts';
import type { DirectCounters } from './counters.ts';
import type { GuestArguments } from './guest-arguments.ts';
import type { PendingFlush } from './pending-flush.ts';
import { RESTART, type Slice } from './slice.ts';

/** Of a count: the call goes on with an earlier one. */
const MMU_UPDATE_PREEMPTED = 2 ** 31;

export interface BatchCall {
  /** Address of the list, and how many entries it has. */
  readonly list: bigint;
  readonly count: number;
  /** Where the number of entries done goes; 0: nowhere. */
  readonly done: bigint;
  readonly foreign: number;
}

/** The result for the guest, or the call that it has to make now. */
export type BatchOutcome = { readonly result: number } | { readonly again: BatchCall };

export interface BatchEntries {
  /** Where an entry is put before `perform`; as long as entries are. */
  readonly entry: DataView;
  /** Something is wrong before the first entry: an error number. */
  check(foreign: number): number;
  /** Does the entry: 0, an error number or RESTART. */
  perform(): number;
  /** `entries` were done, by a call of the guest or one that goes on with it. */
  count(entries: number, isNew: boolean): void;
}

/** What calls of a VM share. */
export interface BatchParts {
  readonly slice: Slice;
  readonly flush: PendingFlush;
  readonly counters: DirectCounters;
  readonly memory: GuestArguments;
  /** Goes on with what an earlier call has left to be undone: 0, or RESTART if there is more. */
  readonly dropOld: () => number;
}

export class Batches {
  readonly #parts: BatchParts;

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  run(call: BatchCall, entries: BatchEntries): BatchOutcome {
    const { slice, flush, counters, dropOld } = this.#parts;
    slice.begin();
    const outcome = dropOld() === RESTART ? { again: call } : this.#run(call, entries);
    flush.perform();
    if ('again' in outcome) counters.continuations++;
    return outcome;
  }

  #run(call: BatchCall, entries: BatchEntries): BatchOutcome {
    const { list, done, foreign } = call;
    if (list === 0n && call.count === MMU_UPDATE_PREEMPTED) return { result: foreign | 0 };
    const isNew = call.count < MMU_UPDATE_PREEMPTED;
    const count = call.count % MMU_UPDATE_PREEMPTED;
    const before = isNew ? 0 : this.#doneBefore(done);
    if (!isGuestAddress(list)) return { result: -ERRNO.EFAULT };
    const wrong = entries.check(foreign);
    if (wrong !== 0) return { result: wrong };
    const { result, performed } = this.#perform(call, count, entries);
    entries.count(performed, isNew);
    this.#writeDone(done, before + performed);
    if (result === RESTART) {
      const rest = BigInt.asUintN(64, list + BigInt(performed * entries.entry.byteLength));
      return {
        again: { list: rest, count: MMU_UPDATE_PREEMPTED + count - performed, done, foreign },
      };
    }
    if (this.#parts.dropOld() !== RESTART) return { result };
    return { again: { list: 0n, count: MMU_UPDATE_PREEMPTED, done: 0n, foreign: result >>> 0 } };
  }

  #perform(
    { list }: BatchCall,
    count: number,
    entries: BatchEntries,
  ): { result: number; performed: number } {
    const { slice, dropOld, memory } = this.#parts;
    const { entry } = entries;
    const bytes = BigInt(entry.byteLength);
    let va = list;
    for (let performed = 0; performed < count; performed++) {
      if (dropOld() === RESTART) return { result: RESTART, performed };
      if (performed > 0 && slice.isSpent) return { result: RESTART, performed };
      slice.spend(1);
      const end = va + bytes;
      if (!isGuestRange(va, end) || !memory.read(va, entry)) {
        return { result: -ERRNO.EFAULT, performed };
      }
      va = end;
      const result = entries.perform();
      if (result !== 0) return { result, performed };
    }
    return { result: 0, performed: count };
  }

  /** As in Xen, a bad address is not an error. */
  #doneBefore(done: bigint): number {
    const data = new DataView(new ArrayBuffer(4));
    if (done === 0n || !isGuestRange(done, done + 4n) || !this.#parts.memory.read(done, data))
      return 0;
    return data.getUint32(0, true);
  }

  #writeDone(done: bigint, count: number): void {
    if (done !== 0n && isGuestRange(done, done + 4n))
      this.#parts.memory.writeU32(done, count >>> 0);
  }
}
