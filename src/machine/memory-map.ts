/**
 * Who owns which part of low memory in a PC. All of it is RAM here, up to the size of RAM; kernels are told
 * by maps of this kind (e820, multiboot) to leave what firmware and the display use alone.
 */

/** The BIOS data area. */
export const BIOS_DATA = 0x400;
/** The extended BIOS data area: the last KiB below 640 KiB. */
export const EXTENDED_BIOS_DATA = 0x9fc00;
/** Memory of the display. */
export const DISPLAY_MEMORY = 0xa0000;
/** The BIOS itself; here, the tables that it would have made. */
export const BIOS = 0xf0000;
/** What lies above the first MiB belongs to the kernel. */
export const EXTENDED_MEMORY = 0x100000;

/** A range of memory. Types as in e820: 1 is for the kernel to use, 2 is reserved. */
export interface MemoryRange {
  readonly base: number;
  readonly length: number;
  readonly type: 1 | 2;
}

/** The memory map of a machine with `ramBytes` of RAM, as firmware reports it. */
export function memoryMap(ramBytes: number): readonly MemoryRange[] {
  const range = (base: number, end: number, type: MemoryRange['type']): MemoryRange => ({
    base,
    length: end - base,
    type,
  });
  return [
    range(0, EXTENDED_BIOS_DATA, 1),
    range(EXTENDED_BIOS_DATA, DISPLAY_MEMORY, 2),
    range(BIOS, EXTENDED_MEMORY, 2),
    range(EXTENDED_MEMORY, ramBytes, 1),
  ].filter(({ length }) => length > 0);
}
