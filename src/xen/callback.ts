/** Where the hypervisor calls the guest (callback.h). */

import { struct, u16, u64 } from './structure.ts';

export const CALLBACKOP = { register: 0, unregister: 1 } as const;

export const CALLBACKTYPE = {
  event: 0,
  failsafe: 1,
  syscall: 2,
  sysenter_deprecated: 3,
  nmi: 4,
  sysenter: 5,
  syscall32: 7,
} as const;

export type CallbackName = keyof typeof CALLBACKTYPE;

/** In `flags`: no events during the callback. */
export const CALLBACKF_mask_events = 1;

export const CALLBACK_REGISTER = struct('callback_register', {
  type: u16,
  flags: u16,
  address: u64,
});

export const CALLBACK_UNREGISTER = struct('callback_unregister', { type: u16, _unused: u16 });
