/** What the hypervisor says of itself (version.h). */

import { bytes, struct, u32, u64 } from './structure.ts';

export const XENVER = {
  version: 0,
  extraversion: 1,
  compile_info: 2,
  capabilities: 3,
  changeset: 4,
  platform_parameters: 5,
  get_features: 6,
  pagesize: 7,
  guest_handle: 8,
  commandline: 9,
  build_id: 10,
} as const;

/** Bytes that are written for `extraversion`, `capabilities` and `changeset`. */
export const XEN_EXTRAVERSION_LEN = 16;
export const XEN_CAPABILITIES_INFO_LEN = 1024;
export const XEN_CHANGESET_INFO_LEN = 64;

export const XEN_COMPILE_INFO = struct('xen_compile_info', {
  compiler: bytes(64),
  compile_by: bytes(16),
  compile_domain: bytes(32),
  compile_date: bytes(32),
});

export const XEN_PLATFORM_PARAMETERS = struct('xen_platform_parameters', { virt_start: u64 });

export const XEN_FEATURE_INFO = struct('xen_feature_info', { submap_idx: u32, submap: u32 });
