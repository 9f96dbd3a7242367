/** Operations on virtual processors: state, timers, places of their information (vcpu.h). */

import { array, bytes, i32, struct, u32, u64, union } from './structure.ts';
import { TRAP_INFO } from './trap.ts';

export const VCPUOP = {
  initialise: 0,
  up: 1,
  down: 2,
  is_up: 3,
  get_runstate_info: 4,
  register_runstate_memory_area: 5,
  set_periodic_timer: 6,
  stop_periodic_timer: 7,
  set_singleshot_timer: 8,
  stop_singleshot_timer: 9,
  register_vcpu_info: 10,
  send_nmi: 11,
  get_physid: 12,
  register_vcpu_time_memory_area: 13,
} as const;

/** What a virtual processor does: indices of `time`. */
export const RUNSTATE = { running: 0, runnable: 1, blocked: 2, offline: 3 } as const;

/** In `state_entry_time`: an update is under way. */
export const XEN_RUNSTATE_UPDATE = 1n << 63n;

/** In `flags` of a single-shot timer: fail with ETIME if the time has passed. */
export const VCPU_SSHOTTMR_future = 1;

/** Times in nanoseconds of system time. */
export const VCPU_RUNSTATE_INFO = struct('vcpu_runstate_info', {
  state: i32,
  state_entry_time: u64,
  time: array(u64, 4),
});

export const VCPU_REGISTER_RUNSTATE_MEMORY_AREA = struct('vcpu_register_runstate_memory_area', {
  addr: union({ v: u64, p: u64 }),
});

export const VCPU_SET_PERIODIC_TIMER = struct('vcpu_set_periodic_timer', { period_ns: u64 });

/** The time is absolute. */
export const VCPU_SET_SINGLESHOT_TIMER = struct('vcpu_set_singleshot_timer', {
  timeout_abs_ns: u64,
  flags: u32,
});

export const VCPU_REGISTER_VCPU_INFO = struct('vcpu_register_vcpu_info', {
  mfn: u64,
  offset: u32,
  rsvd: u32,
});

export const VCPU_GET_PHYSID = struct('vcpu_get_physid', { phys_id: u64 });

export const VCPU_REGISTER_TIME_MEMORY_AREA = struct('vcpu_register_time_memory_area', {
  addr: union({ v: u64, p: u64 }),
});

/** What a virtual processor begins with. */
export const VCPU_GUEST_CONTEXT = struct('vcpu_guest_context', {
  fpu_ctxt: bytes(512),
  flags: u64,
  user_regs: array(u64, 25),
  trap_ctxt: array(TRAP_INFO, 256),
  ldt_base: u64,
  ldt_ents: u64,
  gdt_frames: array(u64, 16),
  gdt_ents: u64,
  kernel_ss: u64,
  kernel_sp: u64,
  ctrlreg: array(u64, 8),
  debugreg: array(u64, 8),
  event_callback_eip: u64,
  failsafe_callback_eip: u64,
  syscall_callback_eip: u64,
  vm_assist: u64,
  fs_base: u64,
  gs_base_kernel: u64,
  gs_base_user: u64,
});
