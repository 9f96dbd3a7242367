/** The shared info page: events, time and what a processor is told (xen.h, arch-x86/xen.h). */

import { array, bytes, i8, struct, u8, u32, u64 } from './structure.ts';

export const XEN_LEGACY_MAX_VCPUS = 32;

/** In `flags` of a vcpu_time_info. */
export const XEN_PVCLOCK_TSC_STABLE_BIT = 1;
export const XEN_PVCLOCK_GUEST_STOPPED = 2;

/** `version` is odd while the rest changes. */
export const VCPU_TIME_INFO = struct('vcpu_time_info', {
  version: u32,
  pad0: u32,
  tsc_timestamp: u64,
  system_time: u64, // nanoseconds since the domain began, at that TSC
  tsc_to_system_mul: u32,
  tsc_shift: i8,
  flags: u8,
  pad1: bytes(2),
});

export const ARCH_VCPU_INFO = struct('arch_vcpu_info', { cr2: u64, pad: u64 });

export const VCPU_INFO = struct('vcpu_info', {
  evtchn_upcall_pending: u8,
  evtchn_upcall_mask: u8,
  evtchn_pending_sel: u64,
  arch: ARCH_VCPU_INFO,
  time: VCPU_TIME_INFO,
});

export const ARCH_SHARED_INFO = struct('arch_shared_info', {
  max_pfn: u64,
  pfn_to_mfn_frame_list_list: u64,
  nmi_reason: u64,
  p2m_cr3: u64,
  p2m_vaddr: u64,
  p2m_generation: u64,
});

export const SHARED_INFO = struct('shared_info', {
  vcpu_info: array(VCPU_INFO, XEN_LEGACY_MAX_VCPUS),
  evtchn_pending: array(u64, 64),
  evtchn_mask: array(u64, 64),
  wc_version: u32,
  wc_sec: u32,
  wc_nsec: u32,
  wc_sec_hi: u32,
  arch: ARCH_SHARED_INFO,
});
