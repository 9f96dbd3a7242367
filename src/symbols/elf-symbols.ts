/** The symbols of an ELF file as names for addresses. */

import {
  PT_LOAD,
  STB_LOCAL,
  STT_FUNC,
  STT_GNU_IFUNC,
  STT_NOTYPE,
  STT_OBJECT,
} from '../elf/constants.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { isExecutable, readSections } from '../elf/sections.ts';
import { type ElfSymbol, readSymbols } from '../elf/symbols.ts';
import { type CodeSymbol, type LoadedRange, SymbolTable } from './symbol-table.ts';

const NAMING_TYPES: ReadonlySet<number> = new Set([
  STT_NOTYPE,
  STT_OBJECT,
  STT_FUNC,
  STT_GNU_IFUNC,
]);

/** Makes a table of the symbols of `elf`; empty if it has none. Throws an ElfError. */
export function elfSymbols(elf: ElfFile): SymbolTable {
  const symbols = readSymbols(elf, readSections(elf));
  return new SymbolTable(symbols.flatMap(toCodeSymbol), loadedRanges(elf));
}

/** Nothing for what is no place in a section: files, sections, constants, undefined symbols. */
export function toCodeSymbol({
  name,
  value,
  size,
  type,
  binding,
  section,
}: ElfSymbol): CodeSymbol[] {
  if (name === '' || section === undefined || !NAMING_TYPES.has(type)) return [];
  const kind = isExecutable(section) ? 'code' : 'data';
  const sectionEnd = section.address + section.size;
  return [{ name, address: value, size, sectionEnd, kind, isLocal: binding === STB_LOCAL }];
}

function loadedRanges({ segments }: ElfFile): LoadedRange[] {
  return segments.flatMap(({ type, paddr, vaddr, memsz }) =>
    type === PT_LOAD && paddr !== vaddr ? [{ physical: paddr, virtual: vaddr, size: memsz }] : [],
  );
}
