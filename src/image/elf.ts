/**
 * Kernels in ELF files. All are loaded by their program headers, at the physical addresses; a plain one
 * is entered at e_entry, which a kernel that runs elsewhere than it is loaded gives as a virtual address.
 */

import { ET_DYN, ET_EXEC, ET_REL, PF_X, PT_LOAD } from '../elf/constants.ts';
import type { ElfFile, ElfSegment } from '../elf/elf-file.ts';
import { entryMode, type Image, ImageError, type ImageOptions, type Segment } from './image.ts';

/** Makes an image of an ELF file that follows no boot protocol; entered in the mode of its code. */
export function elfImage(elf: ElfFile, options: ImageOptions = {}): Image {
  const mode = entryMode(options, elf.codeBits === 64 ? 'long64' : 'prot32');
  return { format: 'elf', segments: elfSegments(elf), entry: physicalEntry(elf), mode, elf };
}

/** What an ELF file puts into memory. */
export function elfSegments({ header, segments }: ElfFile): Segment[] {
  checkType(Number(header.type));
  const loaded = segments.filter(({ type, memsz }) => type === PT_LOAD && memsz > 0n);
  if (loaded.length === 0) {
    throw new ImageError('ELF', 'the ELF file has no segment to load (PT_LOAD)');
  }
  return loaded.map(({ headerOffset, paddr: address, bytes, memsz: size }) => {
    const name = `the segment of the program header at offset 0x${headerOffset.toString(16)}`;
    return { name, address, bytes, size };
  });
}

function checkType(type: number): void {
  if (type === ET_EXEC || type === ET_DYN) return;
  const what =
    type === ET_REL
      ? 'a relocatable object: link it first, with ld'
      : `no executable (type ${type})`;
  throw new ImageError('ELF', `the ELF file is ${what}`);
}

/** Where e_entry lies in physical memory. */
export function physicalEntry({ header: { entry }, segments }: ElfFile): bigint {
  const holds = ({ type, flags, vaddr, memsz }: ElfSegment): boolean =>
    type === PT_LOAD && (flags & PF_X) !== 0 && entry >= vaddr && entry < vaddr + memsz;
  const segment = segments.find(holds);
  return segment === undefined ? entry : entry - segment.vaddr + segment.paddr;
}
