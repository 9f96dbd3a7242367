/**
 * Debug information for gdb (DWARF 2 in elf32, DWARF 3 in elf64, as NASM writes it): one compilation unit
 * with the lines of the source, over all executable sections that have contents.
 */

import { SHT_PROGBITS, SHT_REL, SHT_RELA } from '../../elf/constants.ts';
import type { Section } from '../section.ts';
import { Bytes } from './bytes.ts';
import type { LineTable } from './dwarf-lines.ts';
import { R_386, R_X86_64 } from './relocation-types.ts';
import type { ElfSymbols } from './symbols.ts';
import { type FileSection, fileSection } from './writer.ts';

const DW_TAG_COMPILE_UNIT = 0x11;
const DW_TAG_SUBPROGRAM = 0x2e;
const DW_AT_NAME = 0x03;
const DW_AT_STMT_LIST = 0x10;
const DW_AT_LOW_PC = 0x11;
const DW_AT_HIGH_PC = 0x12;
const DW_AT_LANGUAGE = 0x13;
const DW_AT_COMP_DIR = 0x1b;
const DW_AT_PRODUCER = 0x25;
const DW_AT_FRAME_BASE = 0x40;
const DW_FORM_ADDR = 0x01;
const DW_FORM_DATA2 = 0x05;
const DW_FORM_DATA4 = 0x06;
const DW_FORM_STRING = 0x08;
const DW_LANG_MIPS_ASSEMBLER = 0x8001;

/** Names of the debug sections in their order in the file, each with those that relocate it. */
const ORDER = [
  '.debug_aranges',
  '.debug_pubnames',
  '.debug_info',
  '.debug_abbrev',
  '.debug_line',
  '.debug_frame',
  '.debug_loc',
] as const;
const RELOCATED: ReadonlySet<string> = new Set(['.debug_aranges', '.debug_info', '.debug_line']);

/** What the debug information says of the source. */
export interface Unit {
  readonly name: string;
  /** Directory that the name is relative to. */
  readonly directory: string;
  readonly producer: string;
  readonly is64: boolean;
}

/** A number to add the address of a section to; a string names a debug section. */
interface DebugRelocation {
  readonly at: number;
  readonly target: Section | string;
  readonly addend: number;
}

class DebugSection {
  readonly bytes = new Bytes();
  readonly relocations: DebugRelocation[] = [];
  readonly #is64: boolean;

  constructor(is64: boolean) {
    this.#is64 = is64;
  }

  /** An address, or an offset into a debug section; what elf64 keeps aside stands in the field in elf32. */
  refer(target: Section | string, size: number, addend = 0): this {
    this.relocations.push({ at: this.bytes.length, target, addend });
    this.bytes.number(this.#is64 ? 0 : addend, size);
    return this;
  }
}

/** Number of the first debug section, and of those that need symbols. */
export function debugNumbers(first: number): readonly number[] {
  const numbers = new Map<string, number>();
  let next = first;
  for (const name of ORDER) {
    numbers.set(name, next++);
    if (RELOCATED.has(name)) next++;
  }
  return ['.debug_info', '.debug_abbrev', '.debug_line'].map((name) => numbers.get(name) ?? 0);
}

export const DEBUG_SECTION_COUNT = ORDER.length + RELOCATED.size;

/** The debug sections with their relocations; `first` is the number of the first in the file. */
export function debugSections(
  unit: Unit,
  lines: LineTable,
  first: number,
  symbolTable: number,
  numberOf: (section: Section) => number,
  symbols: ElfSymbols,
): FileSection[] {
  const contents = describe(unit, lines);
  const [info = 0, abbrev = 0, line = 0] = debugNumbers(first);
  const numbers = { '.debug_info': info, '.debug_abbrev': abbrev, '.debug_line': line };
  const indexOf = (target: Section | string): number =>
    symbols.sectionIndex(
      typeof target === 'string'
        ? (numbers[target as keyof typeof numbers] ?? 0)
        : numberOf(target),
    );
  const out: FileSection[] = [];
  for (const name of ORDER) {
    const section = contents.get(name) ?? new DebugSection(unit.is64);
    const own = first + out.length;
    const align = name === '.debug_frame' ? 8 : 1;
    out.push(fileSection(name, SHT_PROGBITS, section.bytes.contents, { align }));
    if (!RELOCATED.has(name)) continue;
    out.push(relocationsOf(name, section, own, symbolTable, indexOf, unit.is64));
  }
  return out;
}

function relocationsOf(
  name: string,
  { relocations }: DebugSection,
  own: number,
  link: number,
  indexOf: (target: Section | string) => number,
  is64: boolean,
): FileSection {
  const bytes = new Bytes();
  for (const { at, target, addend } of relocations) {
    const index = indexOf(target);
    const width = typeof target === 'string' ? 4 : 8;
    if (is64) bytes.u64(at).u32(R_X86_64.absolute[width]).u32(index).u64(addend);
    else bytes.u32(at).u32((index << 8) | R_386.absolute[4]);
  }
  const more = { link, info: own, align: is64 ? 8 : 4, entrySize: is64 ? 24 : 8 };
  const prefix = is64 ? '.rela' : '.rel';
  return fileSection(prefix + name, is64 ? SHT_RELA : SHT_REL, bytes.contents, more);
}

function describe(unit: Unit, lines: LineTable): ReadonlyMap<string, DebugSection> {
  const { is64 } = unit;
  const line = new DebugSection(is64);
  const contents = lines.write(is64 ? 3 : 2, (at, target) => {
    line.relocations.push({ at, target, addend: 0 });
  });
  line.bytes.append(contents);
  const sections = lines.programs.map(({ section }) => section);
  if (sections.length === 0) return new Map([['.debug_line', new DebugSection(is64)]]);
  return new Map([
    ['.debug_aranges', withLength(is64, (out) => ranges(out, sections, is64 ? 8 : 4))],
    ['.debug_info', withLength(is64, (out) => unitEntry(out, unit, sections))],
    ['.debug_abbrev', abbreviations(is64)],
    ['.debug_line', line],
  ]);
}

/** A section that begins with the length of the rest. */
function withLength(is64: boolean, fill: (out: DebugSection) => void): DebugSection {
  const measured = new DebugSection(is64);
  measured.bytes.u32(0);
  fill(measured);
  const out = new DebugSection(is64);
  out.bytes.u32(measured.bytes.length - 4);
  fill(out);
  return out;
}

function ranges(out: DebugSection, sections: readonly Section[], word: number): void {
  out.bytes.u16(2);
  out.refer('.debug_info', 4);
  out.bytes.u8(word).u8(0).u32(0);
  for (const section of sections) {
    out.refer(section, word);
    out.bytes.number(section.offset, word);
  }
  out.bytes.number(0, word).number(0, word);
}

function unitEntry(out: DebugSection, unit: Unit, sections: readonly Section[]): void {
  const word = unit.is64 ? 8 : 4;
  const first = sections[0] as Section;
  const size = sections.reduce((sum, { offset }) => sum + offset, 0);
  out.bytes.u16(unit.is64 ? 3 : 2);
  out.refer('.debug_abbrev', 4);
  out.bytes.u8(word).uleb(1);
  out.refer(first, word).refer(first, word, size).refer('.debug_line', 4);
  out.bytes.string(unit.name).string(unit.directory).string(unit.producer);
  out.bytes.u16(DW_LANG_MIPS_ASSEMBLER).uleb(2);
  out.refer(first, word);
  // NASM gives the frame base a whole address, though its form has four bytes; zeros end the entries.
  out.bytes.number(0, word).uleb(0);
}

function abbreviations(is64: boolean): DebugSection {
  const unit = [
    ...[DW_AT_LOW_PC, DW_FORM_ADDR, DW_AT_HIGH_PC, DW_FORM_ADDR],
    ...[DW_AT_STMT_LIST, DW_FORM_DATA4, DW_AT_NAME, DW_FORM_STRING],
    ...[DW_AT_COMP_DIR, DW_FORM_STRING, DW_AT_PRODUCER, DW_FORM_STRING],
    ...[DW_AT_LANGUAGE, DW_FORM_DATA2, 0, 0],
  ];
  const code = [DW_AT_LOW_PC, DW_FORM_ADDR, DW_AT_FRAME_BASE, DW_FORM_DATA4, 0, 0];
  const section = new DebugSection(is64);
  const all = [1, DW_TAG_COMPILE_UNIT, 1, ...unit, 2, DW_TAG_SUBPROGRAM, 0, ...code, 0];
  section.bytes.append(Uint8Array.from(all));
  return section;
}
