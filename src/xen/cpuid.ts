/** How a guest finds the hypervisor by CPUID (arch-x86/cpuid.h, arch-x86/xen.h). */

/** UD2 and "xen": CPUID behind these bytes is answered by the hypervisor. */
export const XEN_EMULATE_PREFIX = [0x0f, 0x0b, 0x78, 0x65, 0x6e] as const;

export const XEN_CPUID_FIRST_LEAF = 0x4000_0000;

/** "XenVMMXenVMM" in EBX, ECX and EDX of the first leaf. */
export const XEN_CPUID_SIGNATURE_EBX = 0x566e_6558;
export const XEN_CPUID_SIGNATURE_ECX = 0x6558_4d4d;
export const XEN_CPUID_SIGNATURE_EDX = 0x4d4d_566e;

/** In ECX of the third leaf: MMU_PT_UPDATE_PRESERVE_AD is there. */
export const XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD = 1;

/** The last leaf, counted from the first. */
export const XEN_CPUID_MAX_NUM_LEAVES = 5;
