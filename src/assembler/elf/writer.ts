/**
 * Layout of an ELF object file (System V ABI 4 Object Files): header, section headers, then contents at
 * multiples of 16; the order is NASM's, so that equal sources give equal files.
 */

import { EM_386, EM_X86_64, ET_REL } from '../../elf/constants.ts';
import { Bytes, StringTable } from './bytes.ts';

/** A section as its header describes it. */
export interface FileSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Empty for nobits sections, which have a size all the same. */
  readonly contents: Uint8Array;
  readonly size: number;
  /** Numbers of other sections. */
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
}

const HEADER_SIZE = 64;
const FILE_ALIGNMENT = 16;

/** The whole file; `nameTable` is the number of the section with the names of sections. */
export function writeElf(
  sections: readonly FileSection[],
  nameTable: number,
  is64: boolean,
  abi: readonly [system: number, version: number],
): Uint8Array {
  const bytes = new Bytes();
  writeHeader(bytes, sections.length + 1, nameTable, is64, abi);
  const headerBytes = is64 ? 64 : 40;
  let offset = roundUp(HEADER_SIZE + headerBytes * (sections.length + 1));
  bytes.append(new Uint8Array(headerBytes));
  const names = new StringTable();
  for (const section of sections) {
    writeSectionHeader(bytes, section, names.add(section.name), offset, is64);
    offset += roundUp(section.contents.length);
  }
  bytes.align(FILE_ALIGNMENT);
  for (const { contents } of sections) bytes.append(contents).align(FILE_ALIGNMENT);
  return bytes.contents;
}

const roundUp = (size: number): number => Math.ceil(size / FILE_ALIGNMENT) * FILE_ALIGNMENT;

const ELF_CLASS = { 32: 1, 64: 2 } as const;
const LITTLE_ENDIAN = 1;
const VERSION = 1;

function writeHeader(
  bytes: Bytes,
  count: number,
  nameTable: number,
  is64: boolean,
  [system, version]: readonly [system: number, version: number],
): void {
  const address = is64 ? 8 : 4;
  bytes.append(Uint8Array.from([0x7f, 0x45, 0x4c, 0x46]));
  bytes
    .u8(is64 ? ELF_CLASS[64] : ELF_CLASS[32])
    .u8(LITTLE_ENDIAN)
    .u8(VERSION)
    .u8(system)
    .u8(version);
  bytes.align(FILE_ALIGNMENT);
  bytes
    .u16(ET_REL)
    .u16(is64 ? EM_X86_64 : EM_386)
    .u32(VERSION);
  bytes.number(0, address).number(0, address).number(HEADER_SIZE, address).u32(0);
  bytes
    .u16(is64 ? 64 : 52)
    .u16(0)
    .u16(0);
  bytes
    .u16(is64 ? 64 : 40)
    .u16(count)
    .u16(nameTable);
  bytes.align(HEADER_SIZE);
}

function writeSectionHeader(
  bytes: Bytes,
  { type, flags, size, link, info, align, entrySize }: FileSection,
  name: number,
  offset: number,
  is64: boolean,
): void {
  const word = is64 ? 8 : 4;
  bytes.u32(name).u32(type).number(flags, word).number(0, word).number(offset, word);
  bytes.number(size, word).u32(link).u32(info).number(align, word).number(entrySize, word);
}

/** Names of sections in the order of their headers, as the table that headers point into. */
export function sectionNames(names: readonly string[]): Uint8Array {
  const table = new StringTable();
  for (const name of names) table.add(name);
  return table.contents;
}

export function fileSection(
  name: string,
  type: number,
  contents: Uint8Array,
  more: Partial<FileSection> = {},
): FileSection {
  return {
    name,
    type,
    flags: 0,
    contents,
    size: contents.length,
    link: 0,
    info: 0,
    align: 1,
    entrySize: 0,
    ...more,
  };
}
