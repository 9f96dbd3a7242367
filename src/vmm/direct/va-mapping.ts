/** HYPERVISOR_update_va_mapping: the L1 entry of an address of the kernel, with a flush that the guest chooses. */

import { ERRNO } from '../../xen/errno.ts';
import { UVMF } from '../../xen/mmu.ts';
import { PAGE_SHIFT } from '../frames.ts';
import type { Domain } from './domain.ts';
import type { EntryUpdates } from './entry-updates.ts';
import { TYPE_L1 } from './frame-table.ts';
import { type GuestArguments, readVcpuMask } from './guest-arguments.ts';
import { leafPlace } from './leaf-place.ts';
import type { PendingFlush } from './pending-flush.ts';

export class VaMapping {
  readonly #domain: Domain;
  readonly #updates: EntryUpdates;
  readonly #memory: GuestArguments;

  constructor(domain: Domain, updates: EntryUpdates, memory: GuestArguments) {
    this.#domain = domain;
    this.#updates = updates;
    this.#memory = memory;
  }

  run(va: bigint, value: bigint, flags: bigint): number {
    const { flush, counters } = this.#domain;
    counters.vaMappings++;
    let result = this.#update(va, value);
    // The flush is not done of a bad bitmap, but the entry stays changed.
    if (result === 0) result = flushMapping(flush, this.#memory, va, flags);
    flush.perform();
    return result;
  }

  #update(va: bigint, value: bigint): number {
    const { frames } = this.#domain;
    const place = leafPlace(this.#domain, va);
    if (place === undefined) return -ERRNO.EINVAL;
    // By a linear map the walk can end in a table of another level.
    const frame = place >>> PAGE_SHIFT;
    if (frames.type(frame) !== TYPE_L1 || !frames.isValidated(frame)) return -ERRNO.EINVAL;
    const low = Number(BigInt.asUintN(32, value));
    const high = Number(value >> 32n);
    return this.#updates.updateLeaf({ place, low, high, keepsAccessed: false, owner: 'own' });
  }
}

/**
 * The flush that `flags` ask for. The processors are UVMF.LOCAL, UVMF.ALL or the address of a bitmap of them: an error
 * number if it cannot be read.
 */
export function flushMapping(
  flush: PendingFlush,
  memory: GuestArguments,
  va: bigint,
  flags: bigint,
): number {
  const kind = flags & UVMF.FLUSHTYPE_MASK;
  if (kind !== UVMF.TLB_FLUSH && kind !== UVMF.INVLPG) return 0;
  const processors = flags & ~UVMF.FLUSHTYPE_MASK;
  if (processors !== UVMF.LOCAL && processors !== UVMF.ALL) {
    const bits = readVcpuMask(memory, processors);
    if (bits === undefined) return -ERRNO.EFAULT;
    if ((bits & 1n) === 0n) return 0;
  }
  if (kind === UVMF.TLB_FLUSH) flush.all();
  else flush.page(va);
  return 0;
}
