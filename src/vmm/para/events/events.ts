/** Events and time of a VM: its parts, as they are connected, and the calls that a guest makes to them. */

import type { Clock } from '../../../machine/clock.ts';
import { SHUTDOWN } from '../../../xen/sched.ts';
import { RUNSTATE } from '../../../xen/vcpu.ts';
import { VIRQ } from '../../../xen/virq.ts';
import type { Domains } from '../../direct/foreign-domain.ts';
import type { HypercallTable } from '../hypercall.ts';
import { eventChannelCalls } from '../hypercalls/event-channel-op.ts';
import { schedCalls } from '../hypercalls/sched-op.ts';
import { setTimerCalls } from '../hypercalls/set-timer-op.ts';
import { type VcpuDeps, vcpuCalls } from '../hypercalls/vcpu-op.ts';
import type { GuestSpace } from '../memory/guest-space.ts';
import type { SharedInfo } from '../shared-info.ts';
import { DomainTime } from './domain-time.ts';
import { EventChannels } from './event-channels.ts';
import { Runstate } from './runstate.ts';
import { Shutdown } from './shutdown.ts';
import { Sleep } from './sleep.ts';
import { VcpuTimers } from './vcpu-timers.ts';
import { Watchdogs } from './watchdogs.ts';

export interface EventsDeps extends Pick<VcpuDeps, 'shareFrame' | 'sendNmi'> {
  readonly clock: Clock;
  readonly shared: SharedInfo;
  readonly space: GuestSpace;
  /** The VM's number, and which others there are. */
  readonly number: number;
  readonly domains: Domains;
  /** The date when the clock was 0, in milliseconds since 1970. */
  readonly startMs: number;
  /** The VM ends, for a reason of SHUTDOWN or another byte; called once. */
  readonly ended: (reason: number) => void;
}

export class Events {
  readonly sleep: Sleep;
  readonly channels: EventChannels;
  readonly calls: HypercallTable;
  readonly #time: DomainTime;

  constructor(deps: EventsDeps) {
    const { clock, shared, space, number } = deps;
    const runstate = new Runstate(clock, space);
    const sleep = new Sleep(clock, (isAsleep) => {
      runstate.change(isAsleep ? RUNSTATE.blocked : RUNSTATE.running);
      if (isAsleep) timers.pausePeriodic();
      else timers.resumePeriodic();
    });
    const channels = new EventChannels(shared, number, sleep);
    const timers = new VcpuTimers(clock, () => channels.raiseVirq(VIRQ.TIMER));
    const shutdown = new Shutdown(deps.ended);
    const watchdogs = new Watchdogs(clock, () => shutdown.end(SHUTDOWN.watchdog));
    const time = new DomainTime(shared, space, deps.startMs);
    const parts = { ...deps, runstate, sleep, channels, timers, shutdown, watchdogs, time };
    this.sleep = sleep;
    this.channels = channels;
    this.#time = time;
    this.calls = {
      ...eventChannelCalls(parts),
      ...schedCalls(parts),
      ...setTimerCalls(parts),
      ...vcpuCalls(parts),
    };
  }

  /** The guest is to run, with a new shared info page. */
  begin(): void {
    this.#time.begin();
  }
}
