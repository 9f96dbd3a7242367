/**
 * Symbols from a file of their own: an ELF file, or text as nm prints it and Linux keeps it in System.map
 * and kallsyms: address, type letter and name, or address and name, with the size between them after nm -S.
 */

import { isElf, readElf } from '../elf/elf-file.ts';
import { elfSymbols } from './elf-symbols.ts';
import { type CodeSymbol, SymbolTable } from './symbol-table.ts';

/** Text that is no list of symbols. */
export class SymbolFileError extends Error {
  override readonly name = 'SymbolFileError';
  readonly code = 'SYNTAX';
  readonly line: number;

  constructor(line: number, what: string) {
    super(`line ${line}: ${what}`);
    this.line = line;
  }
}

/** A longer list is refused. */
const MAX_LINES = 2 ** 20;

/** Reads a symbol file; throws a SymbolFileError or an ElfError. */
export function readSymbolFile(bytes: Uint8Array): SymbolTable {
  return isElf(bytes) ? elfSymbols(readElf(bytes)) : parseNm(new TextDecoder().decode(bytes));
}

/** Type letters of nm for code; all others are data. */
const CODE_TYPES = /^[tTiwW]$/;
/** Constants, and symbols that are not defined. */
const NO_PLACE = /^[aAUN]$/;

function parseNm(text: string): SymbolTable {
  const lines = text.split('\n');
  if (lines.length > MAX_LINES) throw new SymbolFileError(MAX_LINES, 'there are too many lines');
  const symbols = lines.flatMap((line, n) => parseLine(line.trim(), n + 1));
  if (symbols.length === 0) throw new SymbolFileError(1, 'the file has no symbols');
  return new SymbolTable(symbols);
}

/** The address, the rest up to the name, and the name, behind which kallsyms puts a module. */
const LINE =
  /^(?:0x)?([0-9a-f]{1,16})\s(?:\s*([0-9a-f]{8,16})\s)?(?:\s*([a-z?-])\s)?\s*(\S+)(?:\s+\[\S+\])?$/i;
const UNDEFINED = /^[Uvw]\s+\S+$/;

function parseLine(line: string, number: number): CodeSymbol[] {
  if (line === '' || UNDEFINED.test(line)) return [];
  const [, address, size = '0', type = '', name = ''] = LINE.exec(line) ?? [];
  if (address === undefined) {
    throw new SymbolFileError(number, `'${line.slice(0, 40)}' is not ADDRESS TYPE NAME`);
  }
  if (NO_PLACE.test(type)) return [];
  const kind = type === '' ? undefined : CODE_TYPES.test(type) ? 'code' : 'data';
  const isLocal = /^[a-z]$/.test(type);
  return [{ name, address: BigInt(`0x${address}`), size: BigInt(`0x${size}`), kind, isLocal }];
}
