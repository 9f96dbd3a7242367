/** The section headers of an ELF file (System V ABI 4 Sections) with names and contents. */

import { SHF_ALLOC, SHF_EXECINSTR, SHN_XINDEX, SHT_NOBITS } from './constants.ts';
import { ElfError, hex } from './elf-error.ts';
import { type ElfFile, tablePlaces } from './elf-file.ts';
import { readRecord, recordBytes, SECTION_HEADER } from './records.ts';
import { stringAt } from './strings.ts';

export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  readonly address: bigint;
  /** In memory; what takes no room in the file (NOBITS) has no bytes. */
  readonly size: bigint;
  readonly bytes: Uint8Array;
  readonly link: number;
  readonly entrySize: bigint;
  /** Place of its header in the file. */
  readonly headerOffset: number;
}

/** The sections of a file and where their table lies. */
export interface ElfSections {
  readonly list: readonly ElfSection[];
  /** Bytes from one header to the next. */
  readonly stride: number;
  /** The section that holds the names. */
  readonly names: number;
}

/** True for a section that holds instructions. */
export function isExecutable({ flags }: ElfSection): boolean {
  return (flags & BigInt(SHF_EXECINSTR)) !== 0n;
}

/** True for a section that is in memory when the program runs. */
export function isAllocated({ flags }: ElfSection): boolean {
  return (flags & BigInt(SHF_ALLOC)) !== 0n;
}

/** The section headers; none in a file that has no table. Throws an ElfError. */
export function readSections(elf: ElfFile): ElfSections {
  const { bytes, view, bits, header } = elf;
  const stride = Number(header.shentsize);
  const none = { list: [], stride, names: 0 };
  if (header.shoff === 0n) return none;
  const size = recordBytes(SECTION_HEADER, bits);
  const table = { offset: header.shoff, stride, size };
  const [first] = tablePlaces(bytes, 'section header', { ...table, count: 1 });
  if (first === undefined) return none;
  const zero = readRecord(view, first, SECTION_HEADER, bits);
  const count = Number(header.shnum === 0n ? zero.size : header.shnum);
  const names = Number(header.shstrndx === BigInt(SHN_XINDEX) ? zero.link : header.shstrndx);
  const places = tablePlaces(bytes, 'section header', { ...table, count });
  const list = places.map((place) => readSection(elf, place));
  return { list: withNames(list, names), stride, names };
}

/** The section headers; none if they are damaged: a kernel needs only its program headers. */
export function readableSections(elf: ElfFile): ElfSections {
  try {
    return readSections(elf);
  } catch (error) {
    if (error instanceof ElfError) return { list: [], stride: 0, names: 0 };
    throw error;
  }
}

type Unnamed = Omit<ElfSection, 'name'> & { readonly nameAt: number };

function readSection({ bytes: file, view, bits }: ElfFile, headerOffset: number): Unnamed {
  const record = readRecord(view, headerOffset, SECTION_HEADER, bits);
  const { offset, size, flags, addr: address } = record;
  const [type, link, nameAt] = [Number(record.type), Number(record.link), Number(record.name)];
  const length = type === 0 || type === SHT_NOBITS ? 0n : size;
  if (offset + length > BigInt(file.length) && length > 0n) {
    const message = `the section of this header is cut off: its ${hex(size)} bytes at ${hex(offset)} reach beyond the end of the file (${hex(file.length)})`;
    throw new ElfError('TRUNCATED', headerOffset, message);
  }
  const bytes =
    length === 0n ? new Uint8Array() : file.subarray(Number(offset), Number(offset + length));
  return {
    nameAt,
    type,
    flags,
    address,
    size,
    bytes,
    link,
    entrySize: record.entsize,
    headerOffset,
  };
}

/** Sections have names where the file has the section for them. */
function withNames(list: readonly Unnamed[], names: number): ElfSection[] {
  const strings = list[names]?.bytes ?? new Uint8Array();
  return list.map(({ nameAt, ...section }) => {
    const name = strings.length === 0 ? '' : stringAt(strings, nameAt);
    if (name !== undefined) return { ...section, name };
    const message = `the name of this section lies outside the section of names (${hex(nameAt)})`;
    throw new ElfError('SECTION', section.headerOffset, message);
  });
}
