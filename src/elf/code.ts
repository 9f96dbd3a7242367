/** The parts of an ELF file that hold instructions. */

import { PF_X, PT_LOAD, SHT_PROGBITS } from './constants.ts';
import type { ElfFile } from './elf-file.ts';
import { type ElfSection, type ElfSections, isExecutable } from './sections.ts';

export interface ElfCode {
  readonly name: string;
  readonly origin: bigint;
  readonly bytes: Uint8Array;
  /** Undefined where the file has no sections: then it is a segment. */
  readonly section: ElfSection | undefined;
}

/** Executable sections, or segments in a file without them. */
export function executableParts(elf: ElfFile, { list }: ElfSections): ElfCode[] {
  const sections = list.filter((section) => section.type === SHT_PROGBITS && isExecutable(section));
  if (sections.length > 0) {
    return sections.map((section) => {
      const { name, address: origin, bytes } = section;
      return { name, origin, bytes, section };
    });
  }
  return elf.segments.flatMap(({ type, flags, vaddr: origin, bytes }, n) =>
    type === PT_LOAD && flags & PF_X
      ? [{ name: `segment${n}`, origin, bytes, section: undefined }]
      : [],
  );
}
