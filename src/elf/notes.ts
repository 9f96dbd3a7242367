/** Notes of an ELF file (System V ABI 5 Note Section): name, type and descriptor, each padded to 4 bytes. */

import { PT_NOTE, SHT_NOTE } from './constants.ts';
import { ElfError } from './elf-error.ts';
import type { ElfFile } from './elf-file.ts';
import type { ElfSections } from './sections.ts';
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

/** The notes of the PT_NOTE segments. Throws an ElfError where one is cut off. */
export function segmentNotes(elf: ElfFile): Generator<ElfNote> {
  return notesOf(
    elf,
    elf.segments.filter(({ type }) => type === PT_NOTE),
  );
}

/** The notes of the sections of that type. Throws an ElfError where one is cut off. */
export function sectionNotes(elf: ElfFile, { list }: ElfSections): Generator<ElfNote> {
  return notesOf(
    elf,
    list.filter(({ type }) => type === SHT_NOTE),
  );
}

/** The first note of that name and type in the PT_NOTE segments. Throws an ElfError. */
export function findNote(elf: ElfFile, name: string, type: number): ElfNote | undefined {
  for (const note of segmentNotes(elf)) {
    if (note.name === name && note.type === type) return note;
  }
  return undefined;
}

function* notesOf(
  elf: ElfFile,
  parts: readonly { readonly bytes: Uint8Array }[],
): Generator<ElfNote> {
  let left = MAX_NOTES;
  for (const { bytes } of parts) {
    for (const note of notesIn(elf, bytes)) {
      if (left-- === 0) throw new ElfError('NOTE', note.offset, 'there are too many notes');
      yield note;
    }
  }
}

function* notesIn(elf: ElfFile, bytes: Uint8Array): Generator<ElfNote> {
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
