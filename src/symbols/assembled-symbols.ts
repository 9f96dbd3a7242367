/** The symbol map of an assembled source as names for addresses. */

import { SymbolTable } from './symbol-table.ts';

/** Names with their addresses; without a section they are constants. */
export type AssembledSymbols = Iterable<
  readonly [name: string, { readonly value: bigint; readonly section: string | undefined }]
>;

/** Sections that NASM knows by name, and those of C compilers (NASM manual 8.1.3, 8.9.2). */
const DATA_SECTION = /^\.(?:data|rodata|bss|lbss|ldata|lrodata|tdata|tbss)\b/;

export function assembledSymbols(symbols: AssembledSymbols): SymbolTable {
  return new SymbolTable(
    [...symbols].flatMap(([name, { value: address, section }]) => {
      if (section === undefined) return [];
      return [{ name, address, kind: DATA_SECTION.test(section) ? 'data' : 'code' } as const];
    }),
  );
}
