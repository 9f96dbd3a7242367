/**
 * Where things lie in the address space of the machine under test. Pages of the program are mapped at their logical
 * address, and again MOVED higher, the same frames, so that a segment whose base is moved by that shows the same bytes.
 * FS and GS have bases of their own in 64-bit mode, under which the data page is seen too.
 */

export const CODE = 0x0040_0000;
export const DATA = 0x1000_0000;
export const STACK = 0x2000_0000;
/** Pages of the program, which user mode may read and write; stack pointers point into the middle. */
export const PROGRAM_PAGES = [CODE, DATA, STACK, STACK + 0x1000] as const;
/** The instruction; where branches may lead. */
export const INSTRUCTION = CODE + 0x100;
export const TARGET = CODE + 0x800;
export const STACK_TOP = STACK + 0x1000;

export const FS_BASE = 0x0300_0000;
export const GS_BASE = 0x0400_0000;
/** How far a moved segment base lies from where it was. */
export const MOVED = 0x4000_0000;

/** Pages of the system, for the supervisor only: descriptor tables, TSS with its I/O bitmap, stack, handlers. */
export const GDT = 0x8000_0000;
export const LDT = 0x8000_1000;
export const IDT = 0x8000_2000;
export const TSS = 0x8000_3000;
export const TSS_PAGES = 3;
export const SYSTEM_STACK = 0x8000_6000;
export const HANDLERS = 0x8000_7000;
export const SYSTEM_PAGES = 9;
/** The pages of the system are mapped again this much higher, for GDTR and IDTR that differ and tables that do not. */
export const SYSTEM_ALIAS = 0x0100_0000;
export const SYSTEM_STACK_TOP = SYSTEM_STACK + 0xff0;
