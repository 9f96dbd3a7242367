/** Features (features.h) by bit number. A kernel's notes name those that it can use or needs; xen_version tells which there are. */

export const XENFEAT = {
  writable_page_tables: 0,
  writable_descriptor_tables: 1,
  auto_translated_physmap: 2,
  supervisor_mode_kernel: 3,
  pae_pgdir_above_4gb: 4,
  mmu_pt_update_preserve_ad: 5,
  highmem_assist: 6,
  gnttab_map_avail_bits: 7,
  hvm_callback_vector: 8,
  hvm_safe_pvclock: 9,
  hvm_pirqs: 10,
  dom0: 11,
  memory_op_vnode_supported: 13,
  ARM_SMCCC_supported: 14,
  linux_rsdp_unrestricted: 15,
  not_direct_mapped: 16,
  direct_mapped: 17,
} as const;

export type FeatureName = keyof typeof XENFEAT;

export const XENFEAT_NR_SUBMAPS = 1;

/** The features as a submap of get_features holds them. */
export function featureMask(names: Iterable<FeatureName>): number {
  let mask = 0;
  for (const name of names) mask |= 1 << XENFEAT[name];
  return mask >>> 0;
}

/** Names of the features in `mask`; a bit without a name is called by its number. */
export function featureNames(mask: number): string[] {
  const names = new Map<number, string>(Object.entries(XENFEAT).map(([name, bit]) => [bit, name]));
  const bits = [...Array(32).keys()].filter((bit) => (mask & (1 << bit)) !== 0);
  return bits.map((bit) => names.get(bit) ?? `feature ${bit}`);
}
