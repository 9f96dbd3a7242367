/**
 * The calls about page tables and descriptors: mmu_update, mmuext_op, update_va_mapping, set_gdt and update_descriptor. What
 * they do is up to the memory technique.
 */

import { isGuestRange } from '../../../xen/address-space.ts';
import { DOMID } from '../../../xen/domid.ts';
import { ERRNO } from '../../../xen/errno.ts';
import { FIRST_RESERVED_GDT_ENTRY } from '../../../xen/segments.ts';
import type { BatchCall, BatchOutcome } from '../../direct/batches.ts';
import type { Descriptor } from '../../direct/descriptors.ts';
import { ENTRIES } from '../../direct/pte.ts';
import {
  type HypercallArguments,
  type HypercallResult,
  type HypercallTable,
  u32Of,
} from '../hypercall.ts';
import type { GuestSpace } from '../memory/guest-space.ts';

const MFN_BYTES = 8;

/** Frames and places of entries are named as the guest names them. */
export interface PagingOperations {
  mmuUpdate(call: BatchCall): BatchOutcome;
  mmuextOp(call: BatchCall): BatchOutcome;
  updateVaMapping(va: bigint, value: bigint, flags: bigint): number;
  /** `frames` are as many as the entries take, which are no more than the guest may have. */
  setGdt(frames: readonly number[], entries: number): number;
  updateDescriptor(place: number, descriptor: Descriptor): number;
}

export function pagingCalls(paging: PagingOperations, space: GuestSpace): HypercallTable {
  return {
    mmu_update: (args) => batch(args, (call) => paging.mmuUpdate(call)),
    mmuext_op: (args) => batch(args, (call) => paging.mmuextOp(call)),
    update_va_mapping: ([va, value, flags]) => paging.updateVaMapping(va, value, flags),
    // A guest has no pages of others, and can name only itself.
    update_va_mapping_otherdomain: ([va, value, flags, domid]) =>
      u32Of(domid) === DOMID.SELF ? paging.updateVaMapping(va, value, flags) : -ERRNO.ESRCH,
    set_gdt: ([list, entries]) => setGdt(paging, space, list, u32Of(entries)),
    update_descriptor: ([place, descriptor]) =>
      place > Number.MAX_SAFE_INTEGER
        ? -ERRNO.EINVAL
        : paging.updateDescriptor(Number(place), {
            low: u32Of(descriptor),
            high: u32Of(descriptor >> 32n),
          }),
  };
}

function batch(
  [list, count, done, foreign, ...rest]: HypercallArguments,
  run: (call: BatchCall) => BatchOutcome,
): HypercallResult {
  const outcome = run({ list, count: u32Of(count), done, foreign: u32Of(foreign) });
  if ('result' in outcome) return outcome.result;
  const { again } = outcome;
  return { again: [again.list, BigInt(again.count), again.done, BigInt(again.foreign), ...rest] };
}

/** `list`: u64 frame numbers, as many as the entries take. */
function setGdt(
  paging: PagingOperations,
  space: GuestSpace,
  list: bigint,
  entries: number,
): number {
  if (entries > FIRST_RESERVED_GDT_ENTRY) return -ERRNO.EINVAL;
  const count = Math.ceil(entries / ENTRIES);
  const data = new DataView(new ArrayBuffer(count * MFN_BYTES));
  if (!isGuestRange(list, list + BigInt(data.byteLength)) || !space.read(list, data)) {
    return -ERRNO.EFAULT;
  }
  const frames = Array.from({ length: count }, (_, n) =>
    Number(data.getBigUint64(n * MFN_BYTES, true)),
  );
  return paging.setGdt(frames, entries);
}
