/** The symbol table of an ELF object: file, sections, local symbols, global symbols, in that order. */

import {
  SHF_TLS,
  SHN_ABS,
  SHN_COMMON,
  SHN_UNDEF,
  STB_GLOBAL,
  STB_LOCAL,
  STB_WEAK,
  STT_FILE,
  STT_FUNC,
  STT_NOTYPE,
  STT_OBJECT,
  STT_SECTION,
  STT_TLS,
  STV_DEFAULT,
  STV_HIDDEN,
  STV_INTERNAL,
  STV_PROTECTED,
} from '../../elf/constants.ts';
import type { Affixes, Program } from '../format.ts';
import type { Declaration, Symbol as SourceSymbol } from '../symbols.ts';
import { Bytes, StringTable } from './bytes.ts';
import type { ElfSection } from './elf-section.ts';

interface Entry {
  readonly name: number;
  readonly value: bigint;
  readonly size: bigint;
  readonly binding: number;
  readonly type: number;
  readonly visibility: number;
  readonly section: number;
}

const NULL_ENTRY: Entry = {
  name: 0,
  value: 0n,
  size: 0n,
  binding: STB_LOCAL,
  type: STT_NOTYPE,
  visibility: STV_DEFAULT,
  section: SHN_UNDEF,
};

export interface ElfSymbols {
  readonly table: Uint8Array;
  readonly strings: Uint8Array;
  /** Number of local symbols, which come first. */
  readonly localCount: number;
  /** Index of a section's symbol, by the section's number; of other sections below. */
  readonly sectionIndex: (section: number) => number;
  readonly globalIndex: ReadonlyMap<string, number>;
}

/** Type and size that debug information gives a local label of data. */
export type DataSizes = ReadonlyMap<string, number>;

export interface SymbolOptions {
  readonly is64: boolean;
  readonly dataSizes: DataSizes;
  /** Numbers of further sections that get symbols. */
  readonly extra: readonly number[];
  readonly affixes: Affixes;
}

/** Builds the table. */
export function buildSymbols(
  { file, sections, symbols }: Program,
  { is64, dataSizes, extra, affixes }: SymbolOptions,
): ElfSymbols {
  const strings = new StringTable();
  const own = sections.list as ElfSection[];
  const sectionEntry = (section: number): Entry => ({
    ...NULL_ENTRY,
    type: STT_SECTION,
    section,
  });
  const locals: Entry[] = [
    NULL_ENTRY,
    { ...NULL_ENTRY, name: strings.add(file), type: STT_FILE, section: SHN_ABS },
    ...own.map((_, i) => sectionEntry(i + 1)),
    ...extra.map(sectionEntry),
  ];
  const globals: Entry[] = [];
  const order: string[] = [];
  for (const symbol of symbols.inOrder()) {
    const declaration = symbols.declarationOf(symbol.name);
    if (!isKept(symbol, declaration)) continue;
    const name = strings.add(affixed(symbol.name, declaration, affixes));
    const entry = toEntry(symbol, name, declaration, own, dataSizes);
    if (entry.binding === STB_LOCAL) locals.push(entry);
    else {
      globals.push(entry);
      order.push(symbol.name);
    }
  }
  return {
    table: encode([...locals, ...globals], is64),
    strings: strings.contents,
    localCount: locals.length,
    sectionIndex: (section) =>
      section <= own.length ? section + 1 : own.length + 2 + extra.indexOf(section),
    globalIndex: new Map(order.map((name, i) => [name, locals.length + i])),
  };
}

/** External symbols that nothing uses are left out; other names for them (equ) are not. */
function isKept(
  { name, base, isUsed }: SourceSymbol,
  declaration: Declaration | undefined,
): boolean {
  if (base?.kind !== 'external' || base.name !== name || isUsed) return true;
  return declaration?.linkage === 'required' || declaration?.linkage === 'common';
}

const isGlobal = (declaration: Declaration | undefined): boolean =>
  declaration !== undefined && declaration.linkage !== 'static';

/** Name of a symbol in the file. */
function affixed(name: string, declaration: Declaration | undefined, affixes: Affixes): string {
  const { gprefix, gsuffix, lprefix, lsuffix } = affixes;
  return isGlobal(declaration) ? gprefix + name + gsuffix : lprefix + name + lsuffix;
}

function toEntry(
  { name: fullName, base, offset }: SourceSymbol,
  name: number,
  declaration: Declaration | undefined,
  sections: readonly ElfSection[],
  dataSizes: DataSizes,
): Entry {
  const shared = { name, ...describe(declaration) };
  if (base?.kind === 'external') {
    if (declaration?.linkage !== 'common') return { ...NULL_ENTRY, ...shared };
    const { alignment, size } = declaration;
    return { ...NULL_ENTRY, ...shared, value: alignment, size, section: SHN_COMMON };
  }
  if (!base) return { ...NULL_ENTRY, ...shared, value: offset, section: SHN_ABS };
  const section = base.section as ElfSection;
  const entry = { ...NULL_ENTRY, ...shared, value: offset, section: sections.indexOf(section) + 1 };
  if ((section.traits.flags & SHF_TLS) !== 0) return { ...entry, type: STT_TLS };
  const dataSize = declaration ? undefined : dataSizes.get(fullName);
  return dataSize === undefined ? entry : { ...entry, type: STT_OBJECT, size: BigInt(dataSize) };
}

const TYPES: Readonly<Record<string, number>> = {
  function: STT_FUNC,
  data: STT_OBJECT,
  object: STT_OBJECT,
  notype: STT_NOTYPE,
};

const VISIBILITIES: Readonly<Record<string, number>> = {
  default: STV_DEFAULT,
  internal: STV_INTERNAL,
  hidden: STV_HIDDEN,
  protected: STV_PROTECTED,
};

function describe(
  declaration: Declaration | undefined,
): Pick<Entry, 'binding' | 'type' | 'visibility' | 'size'> {
  let type = STT_NOTYPE;
  let visibility = STV_DEFAULT;
  let binding = isGlobal(declaration) ? STB_GLOBAL : STB_LOCAL;
  for (const word of declaration?.words ?? []) {
    type = TYPES[word] ?? type;
    visibility = VISIBILITIES[word] ?? visibility;
    if (word === 'weak' && binding === STB_GLOBAL) binding = STB_WEAK;
  }
  return { binding, type, visibility, size: declaration?.size ?? 0n };
}

function encode(entries: readonly Entry[], is64: boolean): Uint8Array {
  const bytes = new Bytes();
  for (const { name, value, size, binding, type, visibility, section } of entries) {
    const info = (binding << 4) | type;
    bytes.u32(name);
    if (is64) bytes.u8(info).u8(visibility).u16(section).u64(value).u64(size);
    else bytes.u32(value).u32(size).u8(info).u8(visibility).u16(section);
  }
  return bytes.contents;
}
