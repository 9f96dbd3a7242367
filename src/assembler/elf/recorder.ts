/** What an object tells a debugger: where source lines went, and of what size labelled data is. */

import type { Place } from '../diagnostics.ts';
import type { DebugRecorder } from '../format.ts';
import type { Section } from '../section.ts';
import { debugSections } from './dwarf.ts';
import { LineTable } from './dwarf-lines.ts';
import type { ElfSection } from './elf-section.ts';
import type { ElfSymbols } from './symbols.ts';
import type { FileSection } from './writer.ts';

/** The assembler whose format this is. */
const PRODUCER = 'NASM 2.16.01';

export class Recorder implements DebugRecorder {
  /** Bytes of the first unit of data behind each label. */
  readonly dataSizes = new Map<string, number>();
  readonly #lines: LineTable;
  readonly #file: string;
  readonly #directory: string;
  readonly #is64: boolean;
  #label: string | undefined;

  constructor(file: string, directory: string, is64: boolean) {
    this.#file = file;
    this.#directory = directory;
    this.#is64 = is64;
    this.#lines = new LineTable(is64 ? 8 : 4);
  }

  enter({ position }: Place, section: ElfSection, offset: number): void {
    this.#lines.enter(position.file, position.line, section, offset, section.isExecutable);
  }

  label(name: string | undefined): void {
    this.#label = name;
  }

  data(size: number): void {
    const label = this.#label;
    if (label !== undefined && !this.dataSizes.has(label)) this.dataSizes.set(label, size);
  }

  /** The debug sections, from number `first` on. */
  sections(
    first: number,
    symbolTable: number,
    own: readonly Section[],
    symbols: ElfSymbols,
  ): FileSection[] {
    const unit = {
      name: this.#file,
      directory: this.#directory,
      producer: PRODUCER,
      is64: this.#is64,
    };
    const numberOf = (section: Section): number => own.indexOf(section) + 1;
    return debugSections(unit, this.#lines, first, symbolTable, numberOf, symbols);
  }
}
