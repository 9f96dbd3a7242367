/** Notes of an ELF file (System V ABI 5 Note Section): name, type and descriptor, each padded to 4 bytes. */

import { PT_NOTE } from './constants.ts';
import { ElfError } from './elf-error.ts';
import type { ElfFile, ElfSegment } from './elf-file.ts';
import { stringAt } from './strings.ts';

export interface ElfNote {
  readonly name: string;
  readonly type: number;
  readonly descriptor: Uint8Array;
  /** Place in the file. */
  readonly offset: number;
}

const HEADER_BYTES = 12;
/** A file with more notes than this is refused: reading must end soon. */
const MAX_NOTES = 65536;

/** The first note of that name and type in the PT_NOTE segments. Throws an ElfError if one is cut off. */
export function findNote(elf: ElfFile, name: string, type: number): ElfNote | undefined {
  let left = MAX_NOTES;
  for (const segment of elf.segments.filter((candidate) => candidate.type === PT_NOTE)) {
    for (const note of notesOf(elf, segment)) {
      if (note.name === name && note.type === type) return note;
      if (--left === 0) throw new ElfError('NOTE', note.offset, 'there are too many notes');
    }
  }
  return undefined;
}

function* notesOf(elf: ElfFile, { bytes }: ElfSegment): Generator<ElfNote> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = bytes.byteOffset - elf.bytes.byteOffset;
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const [nameBytes, descriptorBytes] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    const descriptorAt = at + HEADER_BYTES + padded(nameBytes);
    const end = descriptorAt + descriptorBytes;
    if (end > bytes.length) throw new ElfError('NOTE', start + at, 'the note is cut off');
    yield {
      name: stringAt(bytes.subarray(0, descriptorAt), at + HEADER_BYTES) ?? '',
      type: view.getUint32(at + 8, true),
      descriptor: bytes.subarray(descriptorAt, end),
      offset: start + at,
    };
    at = descriptorAt + padded(descriptorBytes);
  }
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
