/**
 * Selectors of the descriptor tables: first the segments that programs run in, in the order that SYSENTER, SYSEXIT,
 * SYSCALL and SYSRET want, each with a twin that differs in its selector alone; then descriptors of every type, DPL and
 * presence to try instructions on.
 */

export const KERNEL_CODE = 0x08;
export const KERNEL_DATA = 0x10;
export const USER_CODE_32 = 0x18;
export const USER_DATA = 0x20;
export const USER_CODE = 0x28;
export const KERNEL_CODE_TWIN = 0x38;
export const KERNEL_DATA_TWIN = 0x40;
export const USER_CODE_TWIN = 0x48;
export const USER_DATA_TWIN = 0x50;
/** Available to every level. */
export const CONFORMING = 0x58;
export const USER_READ_ONLY = 0x70;
export const LDT_SELECTOR = 0xa0;
export const LDT_TWIN = 0xb0;
export const TSS_SELECTOR = 0xc0;
export const TSS_TWIN = 0xd0;
export const TSS_FREE = 0xe0;
export const GATE_KERNEL = 0x100;
export const GATE_USER = 0x110;
export const GATE_CONFORMING = 0x120;
export const GATE_ABSENT = 0x130;
export const TASK_GATE = 0x140;
export const GDT_END = 0x160;
export const RPL_USER = 3;
/** Table indicator: the LDT. */
export const IN_LDT = 4;
/** Data of the user, in the LDT. */
export const LDT_DATA = 0x08 | IN_LDT;
export const LDT_END = 0x40;
