/** HYPERVISOR_vcpu_op: state, timers and shared memory of the one virtual processor that there is. */

import type { Clock } from '../../../machine/clock.ts';
import { isGuestRange } from '../../../xen/address-space.ts';
import { ERRNO } from '../../../xen/errno.ts';
import { SHUTDOWN } from '../../../xen/sched.ts';
import { VCPU_INFO, VCPU_TIME_INFO } from '../../../xen/shared-info.ts';
import {
  VCPU_GUEST_CONTEXT,
  VCPU_REGISTER_RUNSTATE_MEMORY_AREA,
  VCPU_REGISTER_TIME_MEMORY_AREA,
  VCPU_REGISTER_VCPU_INFO,
  VCPU_RUNSTATE_INFO,
  VCPU_SET_PERIODIC_TIMER,
  VCPU_SET_SINGLESHOT_TIMER,
  VCPU_SSHOTTMR_future,
  VCPUOP,
} from '../../../xen/vcpu.ts';
import { PAGE_SIZE } from '../../frames.ts';
import type { DomainTime } from '../events/domain-time.ts';
import type { Runstate } from '../events/runstate.ts';
import type { Shutdown } from '../events/shutdown.ts';
import type { VcpuTimers } from '../events/vcpu-timers.ts';
import { type HypercallTable, u32Of } from '../hypercall.ts';
import { type GuestSpace, readAt, writeAt } from '../memory/guest-space.ts';
import type { SharedInfo } from '../shared-info.ts';

export interface VcpuDeps {
  readonly clock: Clock;
  readonly space: GuestSpace;
  readonly shared: SharedInfo;
  readonly timers: VcpuTimers;
  readonly runstate: Runstate;
  readonly time: DomainTime;
  readonly shutdown: Shutdown;
  /**
   * HPA of the page that the guest calls `frame`, which from now on counts as writable for good; undefined if it is not
   * the guest's or has another use.
   */
  readonly shareFrame: (frame: bigint) => number | undefined;
  /** An NMI is due. */
  readonly sendNmi: () => void;
}

const MIN_PERIOD_NS = 1_000_000n;
const MAX_PERIOD_NS = (1n << 62n) - 1n;
const VCPU_INFO_ALIGN_MASK = VCPU_INFO.align - 1;

export function vcpuCalls(deps: VcpuDeps): HypercallTable {
  return {
    vcpu_op: ([command, vcpu, argument]) =>
      u32Of(vcpu) === 0 ? vcpuOp(deps, u32Of(command), argument) : -ERRNO.ENOENT,
  };
}

function vcpuOp(deps: VcpuDeps, command: number, argument: bigint): number {
  switch (command) {
    case VCPUOP.initialise:
      return initialise(deps, argument);
    case VCPUOP.up:
      return 0;
    case VCPUOP.down:
      // It is the last one that is up.
      deps.shutdown.end(SHUTDOWN.poweroff);
      return 0;
    case VCPUOP.is_up:
      return 1;
    case VCPUOP.send_nmi:
      if (argument !== 0n) return -ERRNO.EINVAL;
      deps.sendNmi();
      return 0;
    case VCPUOP.get_physid: // tells only those that stay on one processor
      return -ERRNO.EINVAL;
    default:
      return timerOp(deps, command, argument);
  }
}

function timerOp(deps: VcpuDeps, command: number, argument: bigint): number {
  switch (command) {
    case VCPUOP.set_periodic_timer:
      return setPeriodic(deps, argument);
    case VCPUOP.stop_periodic_timer:
      deps.timers.setPeriodic(0n);
      return 0;
    case VCPUOP.set_singleshot_timer:
      return setSingleshot(deps, argument);
    case VCPUOP.stop_singleshot_timer:
      deps.timers.stopSingleshot();
      return 0;
    default:
      return areaOp(deps, command, argument);
  }
}

/** What the guest is told in memory of its choice. */
function areaOp(deps: VcpuDeps, command: number, argument: bigint): number {
  const { space, runstate, time } = deps;
  switch (command) {
    case VCPUOP.get_runstate_info:
      return writeAt(space, VCPU_RUNSTATE_INFO, argument, runstate.info()) ? 0 : -ERRNO.EFAULT;
    case VCPUOP.register_runstate_memory_area: {
      const area = readAt(space, VCPU_REGISTER_RUNSTATE_MEMORY_AREA, argument)?.addr.v;
      if (!isGuestArea(area, VCPU_RUNSTATE_INFO.size)) return -ERRNO.EFAULT;
      runstate.register(area);
      return 0;
    }
    case VCPUOP.register_vcpu_time_memory_area: {
      const area = readAt(space, VCPU_REGISTER_TIME_MEMORY_AREA, argument)?.addr.v;
      if (!isGuestArea(area, VCPU_TIME_INFO.size)) return -ERRNO.EFAULT;
      time.register(area);
      return 0;
    }
    case VCPUOP.register_vcpu_info:
      return moveVcpuInfo(deps, argument);
    default:
      return -ERRNO.ENOSYS;
  }
}

/** Whether there is memory is not asked. */
function isGuestArea(area: bigint | undefined, length: number): area is bigint {
  return area !== undefined && isGuestRange(area, area + BigInt(length));
}

/** What it would begin with is looked at first, but it has begun. */
function initialise({ space }: VcpuDeps, argument: bigint): number {
  const context = new DataView(new ArrayBuffer(VCPU_GUEST_CONTEXT.size));
  const isReadable =
    isGuestArea(argument, VCPU_GUEST_CONTEXT.size) && space.read(argument, context);
  return isReadable ? -ERRNO.EEXIST : -ERRNO.EFAULT;
}

function setPeriodic({ space, timers }: VcpuDeps, argument: bigint): number {
  const period = readAt(space, VCPU_SET_PERIODIC_TIMER, argument)?.period_ns;
  if (period === undefined) return -ERRNO.EFAULT;
  if (period < MIN_PERIOD_NS || period > MAX_PERIOD_NS) return -ERRNO.EINVAL;
  timers.setPeriodic(period);
  return 0;
}

function setSingleshot({ space, timers, clock }: VcpuDeps, argument: bigint): number {
  const given = readAt(space, VCPU_SET_SINGLESHOT_TIMER, argument);
  if (given === undefined) return -ERRNO.EFAULT;
  const { timeout_abs_ns: at, flags } = given;
  if ((flags & VCPU_SSHOTTMR_future) !== 0 && at < clock.now()) return -ERRNO.ETIME;
  timers.setSingleshot(BigInt.asIntN(64, at));
  return 0;
}

/** Once only. */
function moveVcpuInfo({ space, shared, shareFrame }: VcpuDeps, argument: bigint): number {
  const given = readAt(space, VCPU_REGISTER_VCPU_INFO, argument);
  if (given === undefined) return -ERRNO.EFAULT;
  const { mfn, offset } = given;
  const isWithinPage = offset <= PAGE_SIZE - VCPU_INFO.size;
  if (!isWithinPage || (offset & VCPU_INFO_ALIGN_MASK) !== 0) return -ERRNO.ENXIO;
  const page = shared.isVcpuInfoMoved ? undefined : shareFrame(mfn);
  if (page === undefined) return -ERRNO.EINVAL;
  shared.moveVcpuInfo(page + offset);
  return 0;
}
