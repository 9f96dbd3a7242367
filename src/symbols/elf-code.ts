/** The code of an ELF file with the symbols that name it, for disassembly. */

import { type ElfCode, executableParts } from '../elf/code.ts';
import { ET_REL } from '../elf/constants.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { readSections } from '../elf/sections.ts';
import { readSymbols } from '../elf/symbols.ts';
import { toCodeSymbol } from './elf-symbols.ts';
import { SymbolTable } from './symbol-table.ts';

/** Parts that share their addresses. */
export interface CodeGroup {
  readonly parts: readonly ElfCode[];
  readonly symbols: SymbolTable;
}

/** One group, or one a section in an object file, where each section counts from 0. Throws an ElfError. */
export function elfCode(elf: ElfFile): CodeGroup[] {
  const sections = readSections(elf);
  const parts = executableParts(elf, sections);
  const symbols = readSymbols(elf, sections);
  if (elf.header.type !== BigInt(ET_REL)) {
    return [{ parts, symbols: new SymbolTable(symbols.flatMap(toCodeSymbol)) }];
  }
  return parts.map((part) => {
    const own = symbols.filter(({ section }) => section === part.section);
    return { parts: [part], symbols: new SymbolTable(own.flatMap(toCodeSymbol)) };
  });
}
