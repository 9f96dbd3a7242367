/** Memory reservation and information (memory.h). */

import { struct, u16, u32, u64 } from './structure.ts';

export const XENMEM = {
  increase_reservation: 0,
  decrease_reservation: 1,
  maximum_ram_page: 2,
  current_reservation: 3,
  maximum_reservation: 4,
  machphys_mfn_list: 5,
  populate_physmap: 6,
  add_to_physmap: 7,
  memory_map: 9,
  machine_memory_map: 10,
  exchange: 11,
  machphys_mapping: 12,
  set_memory_map: 13,
  maximum_gpfn: 14,
  remove_from_physmap: 15,
  set_pod_target: 16,
  get_pod_target: 17,
  add_to_physmap_batch: 23,
  machphys_compat_mfn_list: 25,
} as const;

/** In `mem_flags`; the lowest byte is how many bits addresses of the frames may have, 0: any number. */
export const XENMEMF_populate_on_demand = 1 << 16;

/** What `add_to_physmap` puts into the guest's physical memory. */
export const XENMAPSPACE = {
  shared_info: 0,
  grant_table: 1,
  gmfn: 2,
  gmfn_range: 3,
  gmfn_foreign: 4,
  dev_mmio: 5,
} as const;

export const XEN_MEMORY_RESERVATION = struct('xen_memory_reservation', {
  extent_start: u64,
  nr_extents: u64,
  extent_order: u32,
  mem_flags: u32,
  domid: u16,
});

export const XEN_MEMORY_EXCHANGE = struct('xen_memory_exchange', {
  in: XEN_MEMORY_RESERVATION,
  out: XEN_MEMORY_RESERVATION,
  nr_exchanged: u64,
});

export const XEN_MEMORY_DOMAIN = struct('xen_memory_domain', { domid: u16 });

export const XEN_MACHPHYS_MFN_LIST = struct('xen_machphys_mfn_list', {
  max_extents: u32,
  extent_start: u64,
  nr_extents: u32,
});

export const XEN_MACHPHYS_MAPPING = struct('xen_machphys_mapping', {
  v_start: u64,
  v_end: u64,
  max_mfn: u64,
});

export const XEN_ADD_TO_PHYSMAP = struct('xen_add_to_physmap', {
  domid: u16,
  size: u16,
  space: u32,
  idx: u64,
  gpfn: u64,
});

export const XEN_REMOVE_FROM_PHYSMAP = struct('xen_remove_from_physmap', { domid: u16, gpfn: u64 });

/** Entries of the buffer are those of the BIOS function E820h. */
export const XEN_MEMORY_MAP = struct('xen_memory_map', { nr_entries: u32, buffer: u64 });
