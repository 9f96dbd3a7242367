/**
 * What the calls about page tables and descriptors do in a translated domain. Tables are the guest's affair: it may use these
 * calls or write to its tables itself, nothing is checked, and pins say nothing.
 */

import { ERRNO } from '../../../../xen/errno.ts';
import { type BatchCall, Batches, type BatchOutcome } from '../../../direct/batches.ts';
import type { DirectCounters } from '../../../direct/counters.ts';
import type { Descriptor } from '../../../direct/descriptors.ts';
import type { Domains } from '../../../direct/foreign-domain.ts';
import { MmuextOp } from '../../../direct/mmuext-op.ts';
import type { PendingFlush } from '../../../direct/pending-flush.ts';
import type { Slice } from '../../../direct/slice.ts';
import { flushMapping } from '../../../direct/va-mapping.ts';
import type { GuestMemory } from '../../../guest-memory.ts';
import type { PagingOperations } from '../../hypercalls/paging-calls.ts';
import type { ShadowSpace } from '../shadow-space.ts';
import type { DescriptorCopies } from './descriptor-copies.ts';
import type { TranslatedPages } from './translated-pages.ts';
import { TranslatedUpdate } from './translated-update.ts';

export interface TranslatedPagingParts {
  readonly number: number;
  readonly domains: Domains;
  readonly memory: GuestMemory;
  readonly space: ShadowSpace;
  readonly flush: PendingFlush;
  readonly slice: Slice;
  readonly counters: DirectCounters;
  readonly descriptors: DescriptorCopies;
  readonly pages: TranslatedPages;
  /** Other tables are the kernel's, or those of user code: 0 or an error number. */
  readonly setRoot: (isKernel: boolean, gfn: number) => number;
}

export class TranslatedPaging implements PagingOperations {
  readonly #parts: TranslatedPagingParts;
  readonly #batches: Batches;
  readonly #updates: TranslatedUpdate;
  readonly #ext: MmuextOp;

  constructor(parts: TranslatedPagingParts) {
    const { memory, domains, space, flush, slice, counters, descriptors, pages, setRoot } = parts;
    const isFrame = (gfn: number): number => (memory.holds(gfn) ? 0 : -ERRNO.EINVAL);
    this.#parts = parts;
    this.#batches = new Batches({ slice, flush, counters, memory: space, dropOld: () => 0 });
    this.#updates = new TranslatedUpdate(parts);
    this.#ext = new MmuextOp(parts, {
      pins: { pin: isFrame, unpin: isFrame },
      roots: { setKernel: (gfn) => setRoot(true, gfn), setUser: (gfn) => setRoot(false, gfn) },
      descriptors,
      pages,
      domains,
      arguments: space,
    });
  }

  mmuUpdate(call: BatchCall): BatchOutcome {
    return this.#batches.run(call, this.#updates);
  }

  mmuextOp(call: BatchCall): BatchOutcome {
    return this.#batches.run(call, this.#ext);
  }

  updateVaMapping(va: bigint, value: bigint, flags: bigint): number {
    const { counters, space, memory, flush } = this.#parts;
    counters.vaMappings++;
    const place = space.leafPlace(va);
    if (place === undefined) return -ERRNO.EINVAL;
    memory.writeU64(place, value);
    const result = flushMapping(flush, space, va, flags);
    flush.perform();
    return result;
  }

  setGdt(gfns: readonly number[]): number {
    return this.#parts.descriptors.setGdt(gfns);
  }

  updateDescriptor(place: number, descriptor: Descriptor): number {
    return this.#parts.descriptors.update(place, descriptor);
  }
}
