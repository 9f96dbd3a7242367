/** Sections of an ELF object: type, flags, alignment and entry size, by name and by attributes. */

import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_MERGE,
  SHF_STRINGS,
  SHF_TLS,
  SHF_WRITE,
  SHT_FINI_ARRAY,
  SHT_INIT_ARRAY,
  SHT_NOBITS,
  SHT_NOTE,
  SHT_PREINIT_ARRAY,
  SHT_PROGBITS,
} from '../../elf/constants.ts';
import { LineError } from '../diagnostics.ts';
import type { Pass } from '../pass.ts';
import { Section } from '../section.ts';
import type { SectionAttribute, SectionDirective } from '../statement.ts';
import type { ElfRelocation } from './relocation.ts';

interface Traits {
  type: number;
  flags: number;
  align: number;
  entrySize: number;
}

const data = SHF_ALLOC | SHF_WRITE;
const traits = (type: number, flags: number, align: number, entrySize = 0): Traits => ({
  type,
  flags,
  align,
  entrySize,
});

/** What sections of these names are by themselves; all others are read-only data. */
function defaultTraits(name: string, wordSize: number): Traits {
  switch (name) {
    case '.text':
      return traits(SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 16);
    case '.rodata':
    case '.lrodata':
      return traits(SHT_PROGBITS, SHF_ALLOC, 4);
    case '.data':
    case '.ldata':
      return traits(SHT_PROGBITS, data, 4);
    case '.bss':
    case '.lbss':
      return traits(SHT_NOBITS, data, 4);
    case '.tdata':
      return traits(SHT_PROGBITS, data | SHF_TLS, 4);
    case '.tbss':
      return traits(SHT_NOBITS, data | SHF_TLS, 4);
    case '.comment':
      return traits(SHT_PROGBITS, 0, 1);
    case '.preinit_array':
      return traits(SHT_PREINIT_ARRAY, SHF_ALLOC, wordSize, wordSize);
    case '.init_array':
      return traits(SHT_INIT_ARRAY, SHF_ALLOC, wordSize, wordSize);
    case '.fini_array':
      return traits(SHT_FINI_ARRAY, SHF_ALLOC, wordSize, wordSize);
    case '.note':
      return traits(SHT_NOTE, 0, 4);
    default:
      return traits(SHT_PROGBITS, SHF_ALLOC, 1);
  }
}

export class ElfSection extends Section {
  readonly traits: Traits;
  /** Attributes have been given by a directive. */
  isDeclared = false;
  relocations: ElfRelocation[] = [];

  constructor(name: string, wordSize: number) {
    super(name);
    this.traits = defaultTraits(name, wordSize);
    this.kind = this.traits.type === SHT_NOBITS ? 'nobits' : 'progbits';
  }

  get isExecutable(): boolean {
    return (this.traits.flags & SHF_EXECINSTR) !== 0;
  }
}

const FLAGS: Readonly<Record<string, number>> = {
  alloc: SHF_ALLOC,
  exec: SHF_EXECINSTR,
  write: SHF_WRITE,
  tls: SHF_TLS,
  merge: SHF_MERGE,
  strings: SHF_STRINGS,
};

const TYPES: Readonly<Record<string, number>> = {
  progbits: SHT_PROGBITS,
  nobits: SHT_NOBITS,
  note: SHT_NOTE,
  preinit_array: SHT_PREINIT_ARRAY,
  init_array: SHT_INIT_ARRAY,
  fini_array: SHT_FINI_ARRAY,
};

const ENTRY_SIZES: Readonly<Record<string, number>> = {
  byte: 1,
  word: 2,
  dword: 4,
  qword: 8,
  tword: 10,
  tbyte: 10,
  oword: 16,
  yword: 32,
  zword: 64,
};

/** Attributes of one directive. */
interface Wanted {
  type: number | undefined;
  /** Flags that it speaks of, and which of them it sets. */
  mask: number;
  flags: number;
  align: number | undefined;
  entrySize: number | undefined;
}

/** Gives a section the attributes of its first directive; later ones may only raise its alignment. */
export function declareSection(
  pass: Pass,
  section: ElfSection,
  { attributes, column }: SectionDirective,
  wordSize: number,
): void {
  const wanted = readAttributes(pass, section.name, attributes, wordSize);
  if (!section.isDeclared) {
    section.isDeclared = true;
    apply(section, wanted, wordSize, column);
    return;
  }
  const { traits: own, name } = section;
  own.align = Math.max(own.align, wanted.align ?? 0);
  if (!isOther(section, wanted)) return;
  pass.warn(
    `incompatible section attributes ignored on redeclaration of section \`${name}' [-w+other]`,
    column,
  );
}

function readAttributes(
  pass: Pass,
  name: string,
  attributes: readonly SectionAttribute[],
  wordSize: number,
): Wanted {
  const wanted: Wanted = {
    type: undefined,
    mask: 0,
    flags: 0,
    align: undefined,
    entrySize: undefined,
  };
  for (const attribute of attributes) {
    if (readAttribute(pass, attribute, wanted, wordSize)) continue;
    pass.warn(
      `unknown section attribute '${attribute.name}' ignored on declaration of section \`${name}' [-w+other]`,
      attribute.column,
    );
  }
  return wanted;
}

/** False for an attribute that ELF does not have. */
function readAttribute(
  pass: Pass,
  attribute: SectionAttribute,
  wanted: Wanted,
  wordSize: number,
): boolean {
  const { name } = attribute;
  if (name === 'align') {
    wanted.align = readAlignment(pass, attribute);
    return true;
  }
  const entrySize = readEntrySize(name, wordSize);
  if (entrySize !== undefined) {
    wanted.entrySize = entrySize;
    return true;
  }
  if (TYPES[name] !== undefined) {
    wanted.type = TYPES[name];
    return true;
  }
  const isOff = FLAGS[name] === undefined && name.startsWith('no');
  const flag = FLAGS[isOff ? name.slice(2) : name];
  if (flag === undefined) return false;
  wanted.mask |= flag;
  wanted.flags = isOff ? wanted.flags & ~flag : wanted.flags | flag;
  return true;
}

function readAlignment(pass: Pass, { value, column }: SectionAttribute): number | undefined {
  if (typeof value !== 'object') {
    throw new LineError('section align without value specified', column);
  }
  const message = 'section attribute value must be a critical expression';
  const align = pass.number(value, message, column);
  if (align === 0n) return undefined;
  if (align < 0n || (align & (align - 1n)) !== 0n || align > 1n << 31n) {
    throw new LineError(`section alignment ${align} is not a power of two`, column);
  }
  return Number(align);
}

/** `pointer`, `dword`, `word*3`. */
function readEntrySize(name: string, wordSize: number): number | undefined {
  const [, word = '', count = '1'] = /^([a-z]+)(?:\*(\d+))?$/.exec(name) ?? [];
  const size = word === 'pointer' ? wordSize : ENTRY_SIZES[word];
  return size === undefined ? undefined : size * Number(count);
}

/** A default alignment holds only where nothing but the alignment is given. */
function apply(section: ElfSection, wanted: Wanted, wordSize: number, column: number): void {
  const { traits: own } = section;
  const { type, mask, flags, align, entrySize } = wanted;
  const isArray = type !== undefined && type >= SHT_INIT_ARRAY && type <= SHT_PREINIT_ARRAY;
  const size = entrySize ?? (isArray ? wordSize : undefined);
  if (size !== undefined || type !== undefined || mask !== 0) {
    own.align = size === undefined ? 1 : size & -size;
  }
  own.flags = (own.flags & ~mask) | flags;
  if (type !== undefined) own.type = type;
  if (size !== undefined) own.entrySize = size;
  if (align !== undefined) own.align = align;
  section.kind = own.type === SHT_NOBITS ? 'nobits' : 'progbits';
  if ((own.flags & SHF_MERGE) === 0 || own.entrySize !== 0) return;
  if ((own.flags & SHF_STRINGS) !== 0) own.entrySize = 1;
  else {
    throw new LineError(
      "section attribute merge specified without an entry size or `strings'",
      column,
    );
  }
}

function isOther({ traits: own }: ElfSection, wanted: Wanted): boolean {
  return (
    (wanted.type !== undefined && wanted.type !== own.type) ||
    (wanted.entrySize !== undefined && wanted.entrySize !== own.entrySize) ||
    (own.flags & wanted.mask) !== wanted.flags
  );
}
