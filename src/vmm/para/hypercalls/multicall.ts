/**
 * HYPERVISOR_multicall: calls of a list one after the other, each with its result in its entry; the list's own result is
 * an error only if an entry cannot be read or written. A call of the list that has to go on later goes on in its entry,
 * which gets the arguments for that. In a list there is no other list; and nothing comes after an iret, which goes
 * elsewhere.
 */

import { isGuestRange } from '../../../xen/address-space.ts';
import { ERRNO } from '../../../xen/errno.ts';
import { HYPERVISOR } from '../../../xen/hypercalls.ts';
import { MULTICALL_ENTRY } from '../../../xen/multicall.ts';
import { u64 } from '../../../xen/structure.ts';
import {
  type HypercallArguments,
  type HypercallResult,
  type HypercallTable,
  u32Of,
} from '../hypercall.ts';
import { type GuestSpace, readAt, writeAt } from '../memory/guest-space.ts';

export interface MulticallDeps {
  readonly space: GuestSpace;
  /** Makes the call of that number, which need not be one. */
  readonly call: (number: number, args: HypercallArguments) => HypercallResult;
}

/** Entries that are done before interrupts get a chance; each may be a whole slice of work. */
const SLICE_ENTRIES = 32;
const ENTRY_BYTES = BigInt(MULTICALL_ENTRY.size);

export function multicallCalls(deps: MulticallDeps): HypercallTable {
  let isInside = false;
  return {
    multicall: ([list, count]) => {
      if (isInside) return -ERRNO.EINVAL;
      isInside = true;
      const result = multicall(deps, list, u32Of(count));
      isInside = false;
      return result;
    },
  };
}

function multicall(deps: MulticallDeps, list: bigint, count: number): HypercallResult {
  const { space, call } = deps;
  if (!isGuestRange(list, list + BigInt(count) * ENTRY_BYTES)) return -ERRNO.EFAULT;
  const again = (n: number): HypercallResult => ({
    again: [list + BigInt(n) * ENTRY_BYTES, BigInt(count - n), 0n, 0n, 0n, 0n],
  });
  for (let n = 0; n < count; n++) {
    if (n === SLICE_ENTRIES) return again(n);
    const va = list + BigInt(n) * ENTRY_BYTES;
    const entry = readAt(space, MULTICALL_ENTRY, va);
    if (entry === undefined) return -ERRNO.EFAULT;
    const number = Number(entry.op);
    const result = call(number, entry.args as unknown as HypercallArguments);
    if (number === HYPERVISOR.iret) return result;
    if (typeof result === 'object') {
      const isKept = writeAt(space, MULTICALL_ENTRY, va, { ...entry, args: result.again });
      return isKept ? again(n) : -ERRNO.EFAULT;
    }
    const place = va + BigInt(MULTICALL_ENTRY.offsets.result);
    if (!writeAt(space, u64, place, BigInt(result))) return -ERRNO.EFAULT;
  }
  return 0;
}
