/** ELF objects for the linker: elf64 (AMD64) and elf32 (i386). */

import { SHT_NOBITS, SHT_REL, SHT_RELA, SHT_STRTAB, SHT_SYMTAB } from '../../elf/constants.ts';
import { LineError } from '../diagnostics.ts';
import type {
  Affix,
  Affixes,
  DebugRecorder,
  OutputFile,
  OutputFormat,
  Program,
  Relocation,
} from '../format.ts';
import type { AssembleOptions } from '../options.ts';
import type { Pass } from '../pass.ts';
import type { Section } from '../section.ts';
import type { SectionDirective } from '../statement.ts';
import { Bytes } from './bytes.ts';
import { DEBUG_SECTION_COUNT, debugNumbers } from './dwarf.ts';
import { declareSection, ElfSection } from './elf-section.ts';
import { Recorder } from './recorder.ts';
import { type ElfRelocation, toElf32, toElf64 } from './relocation.ts';
import { buildSymbols, type ElfSymbols } from './symbols.ts';
import { type FileSection, fileSection, sectionNames, writeElf } from './writer.ts';

const RESERVED = new Set(['.shstrtab', '.symtab', '.strtab']);

export class ElfFormat implements OutputFormat {
  readonly name: 'elf32' | 'elf64';
  readonly mode: 32 | 64;
  readonly isObject = true;
  readonly specials: ReadonlySet<string> = new Set([
    ...['..gotpc', '..gotoff', '..got', '..plt', '..sym', '..gottpoff', '..tlsie'],
  ]);
  readonly #sections: ElfSection[] = [];
  /** System and version of its ABI, as the file's header tells them. */
  #abi: readonly [system: number, version: number] = [0, 0];
  #affixes: Affixes = { gprefix: '', gsuffix: '', lprefix: '', lsuffix: '' };
  #debug: Recorder | undefined;

  constructor(name: 'elf32' | 'elf64') {
    this.name = name;
    this.mode = name === 'elf64' ? 64 : 32;
  }

  get #wordSize(): number {
    return this.mode / 8;
  }

  record({ file, directory = '' }: AssembleOptions): DebugRecorder {
    this.#debug = new Recorder(file, directory, this.mode === 64);
    return this.#debug;
  }

  makeSection(name: string): ElfSection {
    const section = new ElfSection(name, this.#wordSize);
    this.#sections.push(section);
    return section;
  }

  startPass(): void {
    for (const section of this.#sections) section.relocations = [];
  }

  openSection(pass: Pass, section: ElfSection, directive: SectionDirective): void {
    if (RESERVED.has(section.name)) {
      throw new LineError(`attempt to redefine reserved section name \`${section.name}'`);
    }
    declareSection(pass, section, directive, this.#wordSize);
  }

  /** As in NASM, the section that the source begins in cannot be aligned before a directive names it. */
  raiseAlignment({ kind }: Pass, { traits, isOpened }: ElfSection, alignment: bigint): void {
    if (kind !== 'first' || !isOpened) return;
    if (alignment > BigInt(traits.align)) traits.align = Number(alignment);
  }

  setAbi(system: number, version: number): void {
    this.#abi = [system, version];
  }

  affix(which: Affix, text: string): void {
    this.#affixes = { ...this.#affixes, [which]: text };
  }

  setOrigin(): void {
    throw new LineError("`org' is for flat binaries: the linker places the sections of an object");
  }

  relocate(relocation: Relocation, pass: Pass): bigint {
    const is64 = this.mode === 64;
    const convert = is64 ? toElf64 : toElf32;
    const converted = convert(relocation, pass.symbols);
    const { value, offset, bases } = relocation;
    if (!converted) {
      // A number that only its own place is taken from: the linker cannot know the place either.
      return bases.length > 0 ? value + BigInt(offset) : value;
    }
    if (!is64 && relocation.size === 8) {
      pass.warn('64-bit unsigned relocation zero-extended from 32 bits [-w+zext-reloc]');
    }
    (relocation.section as ElfSection).relocations.push(converted);
    if (is64) return 0n;
    // NASM drops what is added to an external symbol here.
    const isDropped = converted.target.kind === 'external' && relocation.wrt === '..sym';
    return isDropped ? 0n : converted.addend;
  }

  warnInitialized({ name }: Section): string {
    return `attempt to initialize memory in BSS section \`${name}': ignored [-w+other]`;
  }

  warnReserved({ name }: Section): string {
    return `uninitialized space declared in non-BSS section \`${name}': zeroing [-w+zeroing]`;
  }

  finish(program: Program): OutputFile {
    const own = program.sections.list as ElfSection[];
    const debug = this.#debug;
    const is64 = this.mode === 64;
    const firstDebug = own.length + 1;
    const names = firstDebug + (debug ? DEBUG_SECTION_COUNT : 0);
    const symbolTable = names + 1;
    const targets = debug ? debugNumbers(firstDebug) : [];
    const symbols = buildSymbols(program, {
      is64,
      dataSizes: debug?.dataSizes ?? new Map(),
      extra: targets,
      affixes: this.#affixes,
    });
    const all = [
      ...own.map((section) => contentsOf(section, program)),
      ...(debug?.sections(firstDebug, symbolTable, own, symbols) ?? []),
      fileSection('.shstrtab', SHT_STRTAB, new Uint8Array()),
      fileSection('.symtab', SHT_SYMTAB, symbols.table, {
        link: symbolTable + 1,
        info: symbols.localCount,
        align: is64 ? 8 : 4,
        entrySize: is64 ? 24 : 16,
      }),
      fileSection('.strtab', SHT_STRTAB, symbols.strings),
      ...own.flatMap((section, i) =>
        section.relocations.length > 0
          ? [relocationSection(section, i + 1, symbolTable, own, symbols, is64)]
          : [],
      ),
    ];
    const table = sectionNames(all.map(({ name }) => name));
    all[names - 1] = fileSection('.shstrtab', SHT_STRTAB, table);
    return { bytes: writeElf(all, names, is64, this.#abi), origin: 0n, end: 0n };
  }
}

function contentsOf(section: ElfSection, { output }: Program): FileSection {
  const { name, offset: size } = section;
  const { type, flags, align, entrySize } = section.traits;
  const contents = type === SHT_NOBITS ? new Uint8Array() : output.contents(section, size);
  return fileSection(name, type, contents, { flags, align, entrySize, size });
}

function relocationSection(
  section: ElfSection,
  number: number,
  symbolTable: number,
  own: readonly ElfSection[],
  symbols: ElfSymbols,
  is64: boolean,
): FileSection {
  const bytes = new Bytes();
  for (const { offset, type, target, symbol, addend } of section.relocations) {
    const index = indexOf(target, symbol, own, symbols);
    if (is64) bytes.u64(offset).u32(type).u32(index).u64(addend);
    else bytes.u32(offset).u32((index << 8) | type);
  }
  const prefix = is64 ? '.rela' : '.rel';
  return fileSection(prefix + section.name, is64 ? SHT_RELA : SHT_REL, bytes.contents, {
    link: symbolTable,
    info: number,
    align: is64 ? 8 : 4,
    entrySize: is64 ? 24 : 8,
  });
}

function indexOf(
  target: ElfRelocation['target'],
  symbol: string | undefined,
  own: readonly ElfSection[],
  symbols: ElfSymbols,
): number {
  if (symbol !== undefined) return symbols.globalIndex.get(symbol) ?? 0;
  const section = target.kind === 'section' ? own.indexOf(target.section as ElfSection) + 1 : 0;
  return symbols.sectionIndex(section);
}
