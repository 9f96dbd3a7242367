/** The start info page: what a domain is told at its beginning (xen.h). RSI holds its address. */

import { bytes, struct, u32, u64, union } from './structure.ts';

/** In `flags`. */
export const SIF = {
  PRIVILEGED: 1 << 0,
  INITDOMAIN: 1 << 1,
  MULTIBOOT_MOD: 1 << 2,
  MOD_START_PFN: 1 << 3,
  VIRT_P2M_4TOOLS: 1 << 4,
  PM_MASK: 0xff << 8,
} as const;

export const MAX_GUEST_CMDLINE = 1024;

/** `magic` of a domain with 64-bit code. */
export const START_INFO_MAGIC = 'xen-3.0-x86_64';

export const START_INFO = struct('start_info', {
  magic: bytes(32),
  nr_pages: u64,
  shared_info: u64, // machine address
  flags: u32,
  store_mfn: u64,
  store_evtchn: u32,
  console: union({
    domU: struct('', { mfn: u64, evtchn: u32 }),
    dom0: struct('', { info_off: u32, info_size: u32 }),
  }),
  pt_base: u64, // virtual addresses from here on
  nr_pt_frames: u64,
  mfn_list: u64,
  mod_start: u64,
  mod_len: u64,
  cmd_line: bytes(MAX_GUEST_CMDLINE),
  first_p2m_pfn: u64,
  nr_p2m_frames: u64,
});
