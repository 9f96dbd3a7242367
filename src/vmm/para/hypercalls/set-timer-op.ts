/** HYPERVISOR_set_timer_op: when VIRQ_TIMER comes next. The same timer as VCPUOP_set_singleshot_timer's. */

import type { Clock } from '../../../machine/clock.ts';
import type { VcpuTimers } from '../events/vcpu-timers.ts';
import type { HypercallTable } from '../hypercall.ts';

/**
 * Linux may ask for a time that has wrapped: negative, or more than about 13 days away. As with Xen it gets neither an
 * interrupt at once nor none at all.
 */
const FAR_NS = 1n << 50n;
const INSTEAD_NS = 100_000_000n;

export interface SetTimerDeps {
  readonly clock: Clock;
  readonly timers: VcpuTimers;
}

export function setTimerCalls({ clock, timers }: SetTimerDeps): HypercallTable {
  return {
    set_timer_op: ([argument]) => {
      const at = BigInt.asIntN(64, argument);
      const now = clock.now();
      if (at === 0n) timers.stopSingleshot();
      else timers.setSingleshot(at < 0n || at - now >= FAR_NS ? now + INSTEAD_NS : at);
      return 0;
    },
  };
}
