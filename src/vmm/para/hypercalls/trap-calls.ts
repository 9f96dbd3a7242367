/** set_trap_table, set_callbacks, callback_op and stack_switch: where the VMM enters the guest. */

import { isCanonical } from '../../../xen/address-space.ts';
import {
  CALLBACK_REGISTER,
  CALLBACK_UNREGISTER,
  CALLBACKF_mask_events,
  CALLBACKOP,
  CALLBACKTYPE,
} from '../../../xen/callback.ts';
import { ERRNO } from '../../../xen/errno.ts';
import { TRAP_INFO } from '../../../xen/trap.ts';
import type { Slice } from '../../direct/slice.ts';
import { type Callbacks, NO_HANDLER, type TrapTable } from '../guest/trap-table.ts';
import {
  type HypercallArguments,
  type HypercallResult,
  type HypercallTable,
  u32Of,
} from '../hypercall.ts';
import { type GuestSpace, readAt } from '../memory/guest-space.ts';

/** Names of callbacks by CALLBACKTYPE. */
const NAMES: Readonly<Record<number, keyof Callbacks>> = {
  [CALLBACKTYPE.event]: 'event',
  [CALLBACKTYPE.failsafe]: 'failsafe',
  [CALLBACKTYPE.syscall]: 'syscall',
  [CALLBACKTYPE.nmi]: 'nmi',
  [CALLBACKTYPE.sysenter]: 'sysenter',
  [CALLBACKTYPE.syscall32]: 'syscall32',
};

export interface TrapCallsParts {
  readonly space: GuestSpace;
  readonly traps: TrapTable;
  readonly slice: Slice;
  readonly vcpu: { kernelStack: bigint };
}

export function trapCalls(parts: TrapCallsParts): HypercallTable {
  const { space, traps, vcpu } = parts;
  return {
    set_trap_table: (args) => setTrapTable(parts, args),
    set_callbacks: ([event, failsafe, syscall]) => {
      register(traps, 'event', event, 0);
      register(traps, 'failsafe', failsafe, 0);
      register(traps, 'syscall', syscall, 0);
      return 0;
    },
    callback_op: ([command, argument]) => {
      switch (u32Of(command)) {
        case CALLBACKOP.register: {
          const request = readAt(space, CALLBACK_REGISTER, argument);
          if (request === undefined) return -ERRNO.EFAULT;
          const name = NAMES[request.type];
          if (name === undefined) return -ERRNO.ENOSYS;
          return register(traps, name, request.address, request.flags);
        }
        case CALLBACKOP.unregister: {
          const request = readAt(space, CALLBACK_UNREGISTER, argument);
          return request === undefined ? -ERRNO.EFAULT : unregister(traps, NAMES[request.type]);
        }
        default:
          return -ERRNO.ENOSYS;
      }
    },
    // The selector would be a flat one in any case.
    stack_switch: ([, stack]) => {
      vcpu.kernelStack = stack;
      return 0;
    },
  };
}

/** A table of TRAP_INFO up to one without an address; no table: all handlers go. */
function setTrapTable(parts: TrapCallsParts, args: HypercallArguments): HypercallResult {
  const { space, traps, slice } = parts;
  const [table, ...rest] = args;
  if (table === 0n) {
    traps.clear();
    return 0;
  }
  let at = table;
  slice.begin();
  while (!slice.isSpent) {
    const entry = readAt(space, TRAP_INFO, at);
    if (entry === undefined) return -ERRNO.EFAULT;
    if (entry.address === 0n) return 0;
    if (!isCanonical(entry.address)) return -ERRNO.EINVAL;
    traps.set(entry.vector, entry.address, entry.flags);
    at += BigInt(TRAP_INFO.size);
    slice.spend(1);
  }
  return { again: [at, ...rest] };
}

function register(traps: TrapTable, name: keyof Callbacks, address: bigint, flags: number): number {
  if (!isCanonical(address)) return -ERRNO.EINVAL;
  traps.callbacks[name] = { address, masksEvents: (flags & CALLBACKF_mask_events) !== 0 };
  return 0;
}

/** Only that for NMIs can be had none of. */
function unregister(traps: TrapTable, name: keyof Callbacks | undefined): number {
  if (name === undefined || name === 'syscall32') return -ERRNO.ENOSYS;
  if (name !== 'nmi') return -ERRNO.EINVAL;
  traps.callbacks.nmi = NO_HANDLER;
  return 0;
}
