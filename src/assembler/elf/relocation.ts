/**
 * Relocations of ELF objects (psABI i386 and AMD64, Relocation Types), as NASM chooses them: a number
 * counts from a section, unless `wrt` asks for the symbol itself, for its entry in the GOT or the PLT.
 */

import type { Base } from '../base.ts';
import { LineError } from '../diagnostics.ts';
import type { Relocation } from '../format.ts';
import type { SymbolTable } from '../symbols.ts';
import { R_386, R_X86_64 } from './relocation-types.ts';

export interface ElfRelocation {
  readonly offset: number;
  readonly type: number;
  /** What the number counts from: a section, or a global symbol by its name. */
  readonly target: Base;
  readonly symbol: string | undefined;
  readonly addend: bigint;
}

/** A relocation taken apart. */
interface Parts {
  readonly relocation: Relocation;
  readonly target: Base;
  /** The number counts from its own place. */
  readonly isRelative: boolean;
  /** Addend from the target's base. */
  readonly addend: bigint;
  readonly symbols: SymbolTable;
}

/** The relocation for a number; undefined where it counts from nothing. */
export function toElf64(relocation: Relocation, symbols: SymbolTable): ElfRelocation | undefined {
  const parts = takeApart(relocation, symbols);
  if (!parts) return undefined;
  const { wrt, signed } = relocation;
  const size = relocation.size as 1 | 2 | 4 | 8;
  if (parts.isRelative) return relative64(parts, size);
  const absolute = size === 4 && signed ? R_X86_64.signed32 : R_X86_64.absolute[size];
  switch (wrt) {
    case undefined:
      return plain(parts, absolute);
    case '..gotpc':
      return plain(parts, R_X86_64.gotBase, parts.addend + BigInt(relocation.offset));
    case '..gotoff':
      if (size !== 8) throw new LineError('ELF64 requires ..gotoff references to be qword');
      return plain(parts, R_X86_64.fromGot);
    case '..got':
      if (size < 4) throw new LineError('invalid ..got reference');
      return toSymbol(parts, R_X86_64.got[size as 4 | 8], true);
    case '..sym':
      return toSymbol(parts, absolute, false);
    default:
      throw unsupported(wrt, 'ELF');
  }
}

function relative64(parts: Parts, size: 1 | 2 | 4 | 8): ElfRelocation {
  const { wrt } = parts.relocation;
  if (wrt === undefined) return plain(parts, R_X86_64.relative[size]);
  if (size < 4) throw new LineError('Unsupported non-32-bit ELF relocation');
  switch (wrt) {
    case '..plt':
      if (size === 4) return toSymbol(parts, R_X86_64.plt, true);
      break;
    case '..gotpc':
    case '..got':
      return toSymbol(parts, R_X86_64.gotRelative[size as 4 | 8], true);
    case '..gottpoff':
      if (size === 4) return toSymbol(parts, R_X86_64.tlsOffset, true);
      throw new LineError('ELF64 requires ..gottpoff references to be dword');
    case '..gotoff':
      throw new LineError('ELF64 requires ..gotoff references to be qword absolute');
  }
  throw new LineError('ELF64 format does not support this use of WRT');
}

export function toElf32(relocation: Relocation, symbols: SymbolTable): ElfRelocation | undefined {
  const parts = takeApart(relocation, symbols);
  if (!parts) return undefined;
  const { wrt } = relocation;
  const size = relocation.size as 1 | 2 | 4 | 8;
  if (parts.isRelative) return relative32(parts, size);
  // Eight bytes: the upper four stay zero.
  const absolute = R_386.absolute[size === 8 ? 4 : size];
  if (wrt !== undefined && size !== 4 && !(wrt === '..sym' && size < 4)) {
    throw new LineError('Unsupported non-32-bit ELF relocation');
  }
  switch (wrt) {
    case undefined:
      return plain(parts, absolute);
    case '..gotpc':
      return plain(parts, R_386.gotBase, parts.addend + BigInt(relocation.offset));
    case '..gotoff':
      return plain(parts, R_386.fromGot);
    case '..tlsie':
      return toSymbol(parts, R_386.tlsOffset, true);
    case '..got':
      return toSymbol(parts, R_386.got, true);
    case '..sym':
      return toSymbol(parts, absolute, false);
    default:
      throw unsupported(wrt, 'ELF');
  }
}

function relative32(parts: Parts, size: 1 | 2 | 4 | 8): ElfRelocation {
  const { wrt } = parts.relocation;
  if (size === 8) {
    throw new LineError('32-bit ELF format does not support 64-bit relocations');
  }
  if (wrt === undefined) return plain(parts, R_386.relative[size]);
  if (size !== 4) throw new LineError('Unsupported non-32-bit ELF relocation');
  if (wrt === '..plt') return plain(parts, R_386.plt);
  if (wrt.startsWith('..got')) {
    throw new LineError('ELF format cannot produce PC-relative GOT references');
  }
  throw new LineError('ELF format does not support this use of WRT');
}

function unsupported(wrt: string, format: string): LineError {
  return new LineError(
    wrt === '..plt'
      ? 'ELF format cannot produce non-PC-relative PLT references'
      : `${format} format does not support this use of WRT`,
  );
}

function takeApart(relocation: Relocation, symbols: SymbolTable): Parts | undefined {
  const { value, offset, bases } = relocation;
  const target = bases.find(({ count }) => count === 1n)?.of;
  if (!target) return undefined;
  const isRelative = bases.some(({ count }) => count === -1n);
  const addend = isRelative ? value + BigInt(offset) : value;
  return { relocation, target, isRelative, addend, symbols };
}

function plain(
  { relocation: { offset }, target, addend }: Parts,
  type: number,
  other = addend,
): ElfRelocation {
  const symbol = target.kind === 'external' ? target.name : undefined;
  return { offset, type, target, symbol, addend: other };
}

/** A relocation to a symbol rather than to the section around it; with `exact` at the symbol itself. */
function toSymbol(parts: Parts, type: number, exact: boolean): ElfRelocation {
  const { relocation, target, addend, symbols } = parts;
  const { offset } = relocation;
  // The addend of a reference is counted in the target, less the way from the field to its end.
  const place = relocation.target;
  const behind = place - addend;
  if (target.kind === 'external') {
    if (exact && place !== 0n) throw new LineError('invalid access to an external symbol');
    return { offset, type, target, symbol: target.name, addend };
  }
  const found = nearestGlobal(symbols, target, place);
  if (!found || (exact && found.offset !== place)) {
    throw new LineError('unable to find a suitable global symbol for this reference');
  }
  const rest = place - found.offset - behind;
  return { offset, type, target, symbol: found.name, addend: rest };
}

/** The last global symbol of a section at or before a place. */
function nearestGlobal(
  symbols: SymbolTable,
  base: Base,
  place: bigint,
): { readonly name: string; readonly offset: bigint } | undefined {
  let nearest: { name: string; offset: bigint } | undefined;
  for (const symbol of symbols.values()) {
    if (symbol.base !== base || symbol.offset > place) continue;
    const linkage = symbols.declarationOf(symbol.name)?.linkage;
    if (linkage === undefined || linkage === 'static') continue;
    if (!nearest || symbol.offset > nearest.offset) nearest = symbol;
  }
  return nearest;
}
