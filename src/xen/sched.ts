/** Yielding, blocking and ending (sched.h). */

import { i32, struct, u16, u32, u64 } from './structure.ts';

export const SCHEDOP = {
  yield: 0,
  block: 1,
  shutdown: 2,
  poll: 3,
  remote_shutdown: 4,
  shutdown_code: 5,
  watchdog: 6,
  pin_override: 7,
} as const;

/** Why a domain ends. */
export const SHUTDOWN = {
  poweroff: 0,
  reboot: 1,
  suspend: 2,
  crash: 3,
  watchdog: 4,
  soft_reset: 5,
} as const;

export const SCHED_SHUTDOWN = struct('sched_shutdown', { reason: u32 });

/** `timeout` is an absolute system time in nanoseconds; 0: none. */
export const SCHED_POLL = struct('sched_poll', { ports: u64, nr_ports: u32, timeout: u64 });

export const SCHED_REMOTE_SHUTDOWN = struct('sched_remote_shutdown', {
  domain_id: u16,
  reason: u32,
});

/** `timeout` in seconds. */
export const SCHED_WATCHDOG = struct('sched_watchdog', { id: u32, timeout: u32 });

export const SCHED_PIN_OVERRIDE = struct('sched_pin_override', { pcpu: i32 });
