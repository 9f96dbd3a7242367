/** HYPERVISOR_sched_op, and its old form: yielding, sleeping and ending. */

import { isGuestRange } from '../../../xen/address-space.ts';
import { ERRNO } from '../../../xen/errno.ts';
import {
  SCHED_POLL,
  SCHED_REMOTE_SHUTDOWN,
  SCHED_SHUTDOWN,
  SCHED_WATCHDOG,
  SCHEDOP,
} from '../../../xen/sched.ts';
import { u32 } from '../../../xen/structure.ts';
import { type Domains, domainOf } from '../../direct/foreign-domain.ts';
import type { EventChannels } from '../events/event-channels.ts';
import type { Shutdown } from '../events/shutdown.ts';
import { ANY_PORT, type Sleep } from '../events/sleep.ts';
import type { Watchdogs } from '../events/watchdogs.ts';
import { type HypercallTable, u32Of } from '../hypercall.ts';
import { type GuestSpace, readAt } from '../memory/guest-space.ts';
import type { SharedInfo } from '../shared-info.ts';

export interface SchedDeps {
  readonly space: GuestSpace;
  readonly shared: SharedInfo;
  readonly channels: EventChannels;
  readonly sleep: Sleep;
  readonly shutdown: Shutdown;
  readonly watchdogs: Watchdogs;
  /** The VM's number, and which others there are. */
  readonly number: number;
  readonly domains: Domains;
}

const MAX_POLLED = 128;
/** Reasons of shutdowns are bytes. */
const REASON_MASK = 0xff;

export function schedCalls(deps: SchedDeps): HypercallTable {
  return {
    sched_op: ([command, argument]) => schedOp(deps, u32Of(command), argument),
    sched_op_compat: ([command, argument]) => {
      switch (u32Of(command)) {
        case SCHEDOP.yield:
          return 0;
        case SCHEDOP.block:
          return block(deps);
        case SCHEDOP.shutdown:
          deps.shutdown.end(u32Of(argument) & REASON_MASK);
          return 0;
        default:
          return -ERRNO.ENOSYS;
      }
    },
  };
}

function schedOp(deps: SchedDeps, command: number, argument: bigint): number {
  switch (command) {
    case SCHEDOP.yield:
      return 0;
    case SCHEDOP.block:
      return block(deps);
    case SCHEDOP.shutdown:
    case SCHEDOP.shutdown_code:
      return end(deps, command, argument);
    case SCHEDOP.poll:
      return poll(deps, argument);
    case SCHEDOP.remote_shutdown:
      return endOther(deps, argument);
    case SCHEDOP.watchdog:
      return setWatchdog(deps, argument);
    case SCHEDOP.pin_override:
      return -ERRNO.EPERM;
    default:
      return -ERRNO.ENOSYS;
  }
}

/** An upcall that is due already is not slept over. */
function block({ shared, sleep }: SchedDeps): number {
  shared.upcallMask = 0;
  if (!shared.isUpcallPending) sleep.block();
  return 0;
}

function end({ space, shutdown }: SchedDeps, command: number, argument: bigint): number {
  const given = readAt(space, SCHED_SHUTDOWN, argument);
  if (given === undefined) return -ERRNO.EFAULT;
  const reason = given.reason & REASON_MASK;
  if (command === SCHEDOP.shutdown_code) return shutdown.latch(reason) ? 0 : -ERRNO.EINVAL;
  shutdown.end(reason);
  return 0;
}

/** An upcall that is due already is not slept over either. Ports are looked at one by one, up to the first that is pending. */
function poll({ space, shared, channels, sleep }: SchedDeps, argument: bigint): number {
  const given = readAt(space, SCHED_POLL, argument);
  if (given === undefined) return -ERRNO.EFAULT;
  const { ports, nr_ports: count, timeout } = given;
  if (count > MAX_POLLED) return -ERRNO.EINVAL;
  const portAt = (n: number): bigint => ports + BigInt(n * u32.size);
  if (!isGuestRange(ports, portAt(count))) return -ERRNO.EFAULT;
  if (shared.isUpcallPending && !shared.isUpcallMasked) return 0;
  let only = ANY_PORT;
  for (let n = 0; n < count; n++) {
    const port = readAt(space, u32, portAt(n));
    if (port === undefined) return -ERRNO.EFAULT;
    const isPending = channels.isPending(port);
    if (isPending === undefined) return -ERRNO.EINVAL;
    if (isPending) return 0;
    if (count === 1) only = port;
  }
  sleep.poll(only, timeout === 0n ? undefined : BigInt.asIntN(64, timeout));
  return 0;
}

/** Only who has privileges ends a VM by its number, be it his own. */
function endOther({ space, number, domains }: SchedDeps, argument: bigint): number {
  const given = readAt(space, SCHED_REMOTE_SHUTDOWN, argument);
  if (given === undefined) return -ERRNO.EFAULT;
  const owner = domainOf(given.domain_id, number, domains);
  return typeof owner === 'number' ? owner : -ERRNO.EPERM;
}

function setWatchdog({ space, watchdogs }: SchedDeps, argument: bigint): number {
  const given = readAt(space, SCHED_WATCHDOG, argument);
  if (given === undefined) return -ERRNO.EFAULT;
  const { id, timeout } = given;
  return id === 0 ? watchdogs.take(timeout) : watchdogs.set(id, timeout);
}
