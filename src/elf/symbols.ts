/** The symbol table of an ELF file (System V ABI 4 Symbol Table): .symtab, or else .dynsym. */

import { SHN_LORESERVE, SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB } from './constants.ts';
import { ElfError, hex } from './elf-error.ts';
import { type ElfFile, tablePlaces } from './elf-file.ts';
import { readRecord, recordBytes, SYMBOL } from './records.ts';
import type { ElfSection, ElfSections } from './sections.ts';
import { stringAt } from './strings.ts';

export interface ElfSymbol {
  readonly name: string;
  readonly value: bigint;
  readonly size: bigint;
  /** STT_ and STB_ constants. */
  readonly type: number;
  readonly binding: number;
  /** The section it lies in; undefined for one that is undefined or a mere number. */
  readonly section: ElfSection | undefined;
}

/** The symbols in file order; none if the file has no table. Throws an ElfError. */
export function readSymbols(elf: ElfFile, { list }: ElfSections): ElfSymbol[] {
  const table =
    list.find(({ type }) => type === SHT_SYMTAB) ?? list.find(({ type }) => type === SHT_DYNSYM);
  if (table === undefined) return [];
  const strings = list[table.link];
  if (strings === undefined) {
    const message = `the symbol table names section ${table.link} for its strings, which does not exist`;
    throw new ElfError('SYMBOL', table.headerOffset, message);
  }
  const size = recordBytes(SYMBOL, elf.bits);
  const stride = Number(table.entrySize) || size;
  const offset = table.bytes.byteOffset - elf.bytes.byteOffset;
  const count = Math.floor(table.bytes.length / stride);
  return tablePlaces(elf.bytes, 'symbol', { offset: BigInt(offset), count, stride, size }).map(
    (place) => readSymbol(elf, list, strings, place),
  );
}

function readSymbol(
  { view, bits }: ElfFile,
  list: readonly ElfSection[],
  strings: ElfSection,
  place: number,
): ElfSymbol {
  const { name: nameAt, value, size, info, shndx } = readRecord(view, place, SYMBOL, bits);
  const name = stringAt(strings.bytes, Number(nameAt));
  if (name === undefined) {
    const message = `the name of this symbol lies outside the string table (${hex(nameAt)})`;
    throw new ElfError('SYMBOL', place, message);
  }
  const [type, binding] = [Number(info & 15n), Number(info >> 4n)];
  return { name, value, size, type, binding, section: sectionOf(list, Number(shndx)) };
}

function sectionOf(list: readonly ElfSection[], index: number): ElfSection | undefined {
  return index === SHN_UNDEF || index >= SHN_LORESERVE ? undefined : list[index];
}
