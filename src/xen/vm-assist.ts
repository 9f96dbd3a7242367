/** What a guest may ask to be done for it: vm_assist (xen.h). */

export const VMASST_CMD = { enable: 0, disable: 1 } as const;

export const VMASST_TYPE = {
  '4gb_segments': 0,
  '4gb_segments_notify': 1,
  writable_pagetables: 2,
  pae_extended_cr3: 3,
  architectural_iopl: 4,
  runstate_update_flag: 5,
  m2p_strict: 32,
} as const;
