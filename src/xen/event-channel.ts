/** Event channels (event_channel.h): a port is a pending bit and a mask bit in the shared info page. */

import { bytes, struct, u8, u16, u32, u64, union } from './structure.ts';

export const EVTCHNOP = {
  bind_interdomain: 0,
  bind_virq: 1,
  bind_pirq: 2,
  close: 3,
  send: 4,
  status: 5,
  alloc_unbound: 6,
  bind_ipi: 7,
  bind_vcpu: 8,
  unmask: 9,
  reset: 10,
  init_control: 11,
  expand_array: 12,
  set_priority: 13,
} as const;

/** `status` of a port. */
export const EVTCHNSTAT = {
  closed: 0,
  unbound: 1,
  interdomain: 2,
  pirq: 3,
  virq: 4,
  ipi: 5,
} as const;

/** How many ports there are: a bit of each of the 64 words of the shared info page (the 2-level ABI). */
export const EVTCHN_2L_NR_CHANNELS = 4096;

export const EVTCHN_ALLOC_UNBOUND = struct('evtchn_alloc_unbound', {
  dom: u16,
  remote_dom: u16,
  port: u32,
});

export const EVTCHN_BIND_INTERDOMAIN = struct('evtchn_bind_interdomain', {
  remote_dom: u16,
  remote_port: u32,
  local_port: u32,
});

export const EVTCHN_BIND_VIRQ = struct('evtchn_bind_virq', { virq: u32, vcpu: u32, port: u32 });
export const EVTCHN_BIND_PIRQ = struct('evtchn_bind_pirq', { pirq: u32, flags: u32, port: u32 });
export const EVTCHN_BIND_IPI = struct('evtchn_bind_ipi', { vcpu: u32, port: u32 });
export const EVTCHN_CLOSE = struct('evtchn_close', { port: u32 });
export const EVTCHN_SEND = struct('evtchn_send', { port: u32 });

export const EVTCHN_STATUS = struct('evtchn_status', {
  dom: u16,
  port: u32,
  status: u32,
  vcpu: u32,
  u: union({
    unbound: struct('', { dom: u16 }),
    interdomain: struct('', { dom: u16, port: u32 }),
    pirq: u32,
    virq: u32,
  }),
});

export const EVTCHN_BIND_VCPU = struct('evtchn_bind_vcpu', { port: u32, vcpu: u32 });
export const EVTCHN_UNMASK = struct('evtchn_unmask', { port: u32 });
export const EVTCHN_RESET = struct('evtchn_reset', { dom: u16 });

export const EVTCHN_INIT_CONTROL = struct('evtchn_init_control', {
  control_gfn: u64,
  offset: u32,
  vcpu: u32,
  link_bits: u8,
  _pad: bytes(7),
});

export const EVTCHN_EXPAND_ARRAY = struct('evtchn_expand_array', { array_gfn: u64 });
export const EVTCHN_SET_PRIORITY = struct('evtchn_set_priority', { port: u32, priority: u32 });

/** The argument of event_channel_op_compat; `u` is that of the operation `cmd`. */
export const EVTCHN_OP = struct('evtchn_op', {
  cmd: u32,
  u: union({
    alloc_unbound: EVTCHN_ALLOC_UNBOUND,
    bind_interdomain: EVTCHN_BIND_INTERDOMAIN,
    bind_virq: EVTCHN_BIND_VIRQ,
    bind_pirq: EVTCHN_BIND_PIRQ,
    bind_ipi: EVTCHN_BIND_IPI,
    close: EVTCHN_CLOSE,
    send: EVTCHN_SEND,
    status: EVTCHN_STATUS,
    bind_vcpu: EVTCHN_BIND_VCPU,
    unmask: EVTCHN_UNMASK,
  }),
});
