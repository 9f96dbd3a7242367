/**
 * The calls of direct paging: mmu_update, mmuext_op, update_va_mapping, set_gdt and update_descriptor (src/vmm/direct has
 * what they do).
 */

import { isGuestRange } from '../../../xen/address-space.ts';
import { DOMID } from '../../../xen/domid.ts';
import { ERRNO } from '../../../xen/errno.ts';
import { FIRST_RESERVED_GDT_ENTRY } from '../../../xen/segments.ts';
import type { BatchCall, BatchOutcome } from '../../direct/batches.ts';
import type { DirectPaging } from '../../direct/direct-paging.ts';
import { ENTRIES } from '../../direct/pte.ts';
import type { GuestSpace } from '../guest-space.ts';
import {
  type HypercallArguments,
  type HypercallResult,
  type HypercallTable,
  u32Of,
} from '../hypercall.ts';

const MFN_BYTES = 8;

/** `gdtChanged`: other frames are the guest's part of the GDT. */
export function directCalls(
  direct: DirectPaging,
  space: GuestSpace,
  gdtChanged: () => void,
): HypercallTable {
  return {
    mmu_update: (args) => batch(args, (call) => direct.mmuUpdate(call)),
    mmuext_op: (args) => batch(args, (call) => direct.mmuextOp(call)),
    update_va_mapping: ([va, value, flags]) => direct.updateVaMapping(va, value, flags),
    // A guest has no pages of others, and can name only itself.
    update_va_mapping_otherdomain: ([va, value, flags, domid]) =>
      u32Of(domid) === DOMID.SELF ? direct.updateVaMapping(va, value, flags) : -ERRNO.ESRCH,
    set_gdt: ([list, entries]) => {
      const result = setGdt(direct, space, list, u32Of(entries));
      if (result === 0) gdtChanged();
      return result;
    },
    update_descriptor: ([place, descriptor]) =>
      place > Number.MAX_SAFE_INTEGER
        ? -ERRNO.EINVAL
        : direct.descriptors.update(Number(place), {
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
function setGdt(direct: DirectPaging, space: GuestSpace, list: bigint, entries: number): number {
  if (entries > FIRST_RESERVED_GDT_ENTRY) return -ERRNO.EINVAL;
  const count = Math.ceil(entries / ENTRIES);
  const data = new DataView(new ArrayBuffer(count * MFN_BYTES));
  if (!isGuestRange(list, list + BigInt(data.byteLength)) || !space.read(list, data)) {
    return -ERRNO.EFAULT;
  }
  const frames = Array.from({ length: count }, (_, n) =>
    Number(data.getBigUint64(n * MFN_BYTES, true)),
  );
  return direct.descriptors.setGdt(frames, entries);
}
