/**
 * Kernels with a PVH entry point (Xen, docs/misc/pvh.pandoc: x86/HVM direct boot ABI): an ELF note gives a
 * 32-bit physical address, at which the kernel is entered in 32-bit protected mode.
 */

import type { ElfFile } from '../elf/elf-file.ts';
import { type ElfNote, findNote } from '../elf/notes.ts';
import { XEN_ELFNOTE } from '../xen/elf-note.ts';
import { elfSegments } from './elf.ts';
import { type Image, ImageError } from './image.ts';

/** The note; undefined if the file has none. Throws an ElfError. */
export function findPvhNote(elf: ElfFile): ElfNote | undefined {
  return findNote(elf, 'Xen', XEN_ELFNOTE.PHYS32_ENTRY);
}

/** Makes an image of a kernel with that note. Throws an ImageError. */
export function pvhImage(elf: ElfFile, { descriptor, offset }: ElfNote): Image {
  const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.length);
  const size = descriptor.length;
  if (size !== 4 && size !== 8) {
    const place = `the PVH note at offset 0x${offset.toString(16)}`;
    throw new ImageError('PVH', `${place} has an entry of ${size} bytes, it must have 4 or 8`);
  }
  const entry = size === 4 ? BigInt(view.getUint32(0, true)) : view.getBigUint64(0, true);
  return { format: 'pvh', segments: elfSegments(elf), entry, mode: 'prot32', elf };
}
