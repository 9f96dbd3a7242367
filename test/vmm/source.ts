/** Small kernels from their source, for the board of any machine. */

import { assemble } from '../../src/assembler/assemble.ts';
import { flatImage } from '../../src/image/flat.ts';
import { loadImage } from '../../src/image/load.ts';
import type { Board } from '../../src/pc/board.ts';
import { assembledSymbols } from '../../src/symbols/assembled-symbols.ts';
import type { SymbolTable } from '../../src/symbols/symbol-table.ts';

export interface Source {
  readonly boot: (board: Board) => void;
  readonly symbols: SymbolTable;
}

/** 64-bit code at 0x100000. */
export function sourceOf(text: string): Source {
  const { bytes, symbols } = assemble(`bits 64\norg 0x100000\n${text}`, { file: 'test.asm' });
  const image = flatImage(bytes);
  return { boot: ({ machine }) => loadImage(machine, image), symbols: assembledSymbols(symbols) };
}

/** Ends the run with status 1. */
export const EXIT = '\nxor eax, eax\nout 0xf4, al\n';
