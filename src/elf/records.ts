/**
 * The records of an ELF file: fields in file order with their sizes in bytes, for both classes
 * (System V ABI figures 4-3, 4-8, 4-15 and 5-1). All are little endian.
 */

import { assert } from '../base/assert.ts';

export type ElfBits = 32 | 64;

type Fields = Readonly<Record<string, 1 | 2 | 4 | 8>>;
type Layout = Readonly<Record<ElfBits, Fields>>;

/** A record as it was read; `L` is one of the layouts below. */
export type ElfRecord<L extends Layout> = { readonly [K in keyof L[64]]: bigint };

/** The file header behind e_ident. */
// biome-ignore format: one class per line.
export const FILE_HEADER = {
  32: { type: 2, machine: 2, version: 4, entry: 4, phoff: 4, shoff: 4, flags: 4, ehsize: 2, phentsize: 2, phnum: 2, shentsize: 2, shnum: 2, shstrndx: 2 },
  64: { type: 2, machine: 2, version: 4, entry: 8, phoff: 8, shoff: 8, flags: 4, ehsize: 2, phentsize: 2, phnum: 2, shentsize: 2, shnum: 2, shstrndx: 2 },
} as const satisfies Layout;

// biome-ignore format: one class per line.
export const PROGRAM_HEADER = {
  32: { type: 4, offset: 4, vaddr: 4, paddr: 4, filesz: 4, memsz: 4, flags: 4, align: 4 },
  64: { type: 4, flags: 4, offset: 8, vaddr: 8, paddr: 8, filesz: 8, memsz: 8, align: 8 },
} as const satisfies Layout;

// biome-ignore format: one class per line.
export const SECTION_HEADER = {
  32: { name: 4, type: 4, flags: 4, addr: 4, offset: 4, size: 4, link: 4, info: 4, addralign: 4, entsize: 4 },
  64: { name: 4, type: 4, flags: 8, addr: 8, offset: 8, size: 8, link: 4, info: 4, addralign: 8, entsize: 8 },
} as const satisfies Layout;

// biome-ignore format: one class per line.
export const SYMBOL = {
  32: { name: 4, value: 4, size: 4, info: 1, other: 1, shndx: 2 },
  64: { name: 4, info: 1, other: 1, shndx: 2, value: 8, size: 8 },
} as const satisfies Layout;

/** Size of a record in bytes. */
export function recordBytes(layout: Layout, bits: ElfBits): number {
  return Object.values(layout[bits]).reduce((sum, size) => sum + size, 0);
}

/** Reads the record at `at`, which lies within `view`. */
export function readRecord<L extends Layout>(
  view: DataView,
  at: number,
  layout: L,
  bits: ElfBits,
): ElfRecord<L> {
  const record: Record<string, bigint> = {};
  let place = at;
  for (const [name, size] of Object.entries(layout[bits])) {
    record[name] = readField(view, place, size);
    place += size;
  }
  return record as ElfRecord<L>;
}

/** Place of a field in its record. */
export function fieldOffset<L extends Layout>(
  layout: L,
  bits: ElfBits,
  field: keyof L[64],
): number {
  let place = 0;
  for (const [name, size] of Object.entries(layout[bits])) {
    if (name === field) return place;
    place += size;
  }
  assert(false, `ELF field ${String(field)}`);
}

function readField(view: DataView, at: number, size: number): bigint {
  if (size === 1) return BigInt(view.getUint8(at));
  if (size === 2) return BigInt(view.getUint16(at, true));
  if (size === 4) return BigInt(view.getUint32(at, true));
  return view.getBigUint64(at, true);
}
